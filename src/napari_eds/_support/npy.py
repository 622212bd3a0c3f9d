"""Headers of NumPy's files, looked at before what they claim is allocated."""

from __future__ import annotations

import math
from tokenize import TokenError
from typing import IO, NamedTuple

import numpy as np


class NpyHeader(NamedTuple):
    """Shape and type of an array, and the bytes that it takes."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n_bytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy_header(stream: IO[bytes]) -> NpyHeader:
    """Read the header of a ``.npy`` stream, which is then at its first value.

    Raises
    ------
    ValueError
        If it is no such header.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    except (SyntaxError, TokenError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"its header is damaged: {error}") from error
    if any(n < 0 for n in shape):
        raise ValueError(f"a shape of {shape}")
    return NpyHeader(shape, dtype)
