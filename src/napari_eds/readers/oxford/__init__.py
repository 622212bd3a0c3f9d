"""Oxford Instruments `.h5oina` files."""
