"""Checks of napari-eds against published numbers, measured files and simulated truth.

``python -m benchmarks.validation [DATA] [--write docs/validation.md] [--quick]
[--earlier TREE]``, from the root of the repository. It stops where a check fails.
"""
