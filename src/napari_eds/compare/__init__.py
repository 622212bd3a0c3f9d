"""A result beside another one, or beside a known composition."""
