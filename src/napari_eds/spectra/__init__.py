"""What was measured: counts per pixel and channel, and every sum of them."""
