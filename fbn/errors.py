"""Errors caused by input. Their message says where the error is, what was read and what was expected."""

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class FbnError(Exception):
    """Base class of errors caused by input, not by the program. The command line prints them in one line.

    Example:
        >>> import fbn
        >>> try:
        ...     fbn.load("nobody")
        ... except fbn.FbnError as error:
        ...     print(type(error).__name__)
        MissingFileError
    """


class FormatError(FbnError):
    """A file does not follow its documented format; the message names file, line or field, and what was expected."""


class MissingFileError(FbnError):
    """A requested file or folder does not exist."""


class ChecksumError(FbnError):
    """A weights file does not match the checksum in its manifest."""


def describe_os_error(error: OSError, path: object = None) -> str:
    """Return a one-line message for an operating system's error: the file (or ``path`` if it names none) and why."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = path or error.filename
        return f"{where}: no space is left on the disk" if where else "no space is left on the disk"
    where = error.filename or path
    return f"{where}: {error.strerror or error}" if where else str(error)


def readable_errors(error: "ValidationError", name: str) -> str:
    """Return pydantic's errors, field by field, in one line; ``name`` stands for errors of the model as a whole."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or name}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )
