"""Errors of napari-eds: all are `ValueError`s whose text says what is wrong and what to do."""


class EDSError(ValueError):
    """Base class of the errors this package raises on bad input."""


class ArgumentError(EDSError, TypeError):
    """A function was given something of another kind than it takes, as a path in place of a map.

    Also a `TypeError`, for that is what Python raises otherwise.
    """


class ReadError(EDSError):
    """A file cannot be opened as an EDS spectrum image."""


class MissingFileError(FileNotFoundError, EDSError):
    """There is no such file or folder to read.

    Also a `FileNotFoundError`, for that is what Python raises otherwise.
    """


class ReadWarning(UserWarning):
    """Something is missing or wrong in a file that was opened all the same."""


class UncalibratedError(EDSError):
    """An energy is needed, but the energy axis of the image is not calibrated."""


class LabelError(EDSError):
    """An array is not a label map of the image."""


class KFactorError(EDSError):
    """A k-factor is missing, ambiguous or unusable."""


class ModelError(EDSError):
    """The requested model cannot be built on this energy axis."""


class RecipeError(EDSError):
    """The settings of a quantification are inconsistent or incomplete."""


class OutputError(OSError, EDSError):
    """A file or folder cannot be written where it was asked for: something is in the way.

    Also an `OSError`, for that is what writing raises otherwise.
    """
