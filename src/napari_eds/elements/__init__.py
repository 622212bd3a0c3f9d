"""Which elements a spectrum shows, and which line a peak is."""
