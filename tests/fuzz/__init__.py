"""Damaged files by the thousand: every one opens, or says why it does not.

``python -m tests.fuzz --count 10000`` looks for failures; see `__main__`.
"""
