"""The panel *EDS frames*: compositions of labels over the frames of a map."""
