"""The errors a user can meet. Their message says what was read, where, and what was expected."""

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class FbnError(Exception):
    """Base of every error that is the input's fault, not the program's. The command line prints it in one line.

    Example:
        >>> import fbn
        >>> try:
        ...     fbn.load("nobody")
        ... except fbn.FbnError as error:
        ...     print(type(error).__name__)
        MissingFileError
    """


class FormatError(FbnError):
    """A file departs from its documented layout; the message names file, line or field, and the expectation."""


class MissingFileError(FbnError):
    """A file or folder that was asked for is not there."""


class ChecksumError(FbnError):
    """A weights file is not the one its manifest names."""


def describe_os_error(error: OSError, path: object = None) -> str:
    """What the operating system refused, in words: the file, or ``path`` where the error names none, and why."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = path or error.filename
        return f"{where}: no space is left on the disk" if where else "no space is left on the disk"
    where = error.filename or path
    return f"{where}: {error.strerror or error}" if where else str(error)


def readable_errors(error: "ValidationError", name: str) -> str:
    """What pydantic found wrong, field by field, in one line; ``name`` stands for the whole."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or name}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors()
    )
