"""What is known of specimen, detectors and counts, and what contradicts it."""
