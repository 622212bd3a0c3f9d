"""The model of a spectrum: settled on the sum, fitted to every label."""
