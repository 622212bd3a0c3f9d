"""The window: nothing else knows napari or Qt."""
