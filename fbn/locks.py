"""File locks (``flock``), which the operating system releases when the process that holds them ends.

They also exclude two threads of one process. On a file system without locks, every attempt succeeds.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: EBADF: NFS cannot lock files that are open for reading only, as folders are.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def take(path: Path) -> int | None:
    """Lock a folder, or a file, which is created if it does not exist. Does not wait.

    Returns:
        A file descriptor; the lock is released when this process and all that inherited it have closed it. None if
        the lock is already taken.
    """
    access = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    while (descriptor := _lock(path, fcntl.LOCK_EX, access)) is not None:
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                break
        except FileNotFoundError:
            pass
        # the previous holder renamed or removed the file before it released the lock: this locks the old file
        os.close(descriptor)
    return descriptor


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Lock ``path`` during the block; yields False if the lock is already taken."""
    descriptor = take(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def taken(path: Path) -> bool:
    """Whether the lock is taken. Concurrent calls do not disturb each other."""
    try:
        # read permission is enough, so that jobs of other users can be listed
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
