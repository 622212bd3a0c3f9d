"""Results to and from files: sessions, HyperSpy, spectra."""
