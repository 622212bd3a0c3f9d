"""Readers: a file goes in, `SpectrumImage`s come out."""
