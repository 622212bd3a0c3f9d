"""Classes of chips by a few examples, and folders for few-shot programs."""
