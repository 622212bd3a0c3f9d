"""The dock *EDS batch*: many files by one recipe."""
