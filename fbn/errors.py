"""The errors a user can meet. Their message says what was read, where, and what was expected."""


class FbnError(Exception):
    """Base of every error that is the input's fault, not the program's. The command line prints it in one line."""


class FormatError(FbnError):
    """A file departs from its documented layout; the message names file, line or field, and the expectation."""


class MissingFileError(FbnError):
    """A file or folder that was asked for is not there."""


class ChecksumError(FbnError):
    """A weights file is not the one its manifest names."""
