"""Locks that the system releases when their holder dies, however it dies: no stale lock, no pid mistaken for another.

Two threads of one process exclude each other too. On a file system without locks everybody gets one.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: EBADF: NFS does not lock what is open for reading only, as folders are.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def take(path: Path) -> int | None:
    """Lock a file, made if need be, or a folder.

    Returns:
        A file descriptor: the lock is held until it is closed, by this process and by all that inherited it. None
        where somebody else holds the lock.
    """
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    while (descriptor := _lock(path, fcntl.LOCK_EX, access)) is not None:
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                break
        except FileNotFoundError:
            pass
        # its holder renamed or removed the file before letting it go: the lock is not that of a file of this name
        os.close(descriptor)
    return descriptor


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold a lock for a while; False where somebody else has it."""
    descriptor = take(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def taken(path: Path) -> bool:
    """Whether somebody holds the lock. Askers do not get in each other's way."""
    try:
        # to read is enough: others' jobs may be looked at where they may not be touched
        descriptor = _lock(path, fcntl.LOCK_SH, os.O_RDONLY)
    except FileNotFoundError:
        return False
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def _lock(path: Path, how: int, access: int) -> int | None:
    descriptor = os.open(path, access | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException as error:
        if not (isinstance(error, OSError) and error.errno in _UNSUPPORTED):
            os.close(descriptor)
            raise
    return descriptor
