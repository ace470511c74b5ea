"""Locks that the system lets go when their holder dies, however it dies: no stale lock, no pid mistaken for another."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take(path: Path) -> int | None:
    """Hold a lock until the file descriptor is closed, by this process or by all that inherited it; None: taken."""
    return _lock(path, fcntl.LOCK_EX)


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


def _lock(path: Path, how: int, access: int = os.O_RDWR | os.O_CREAT) -> int | None:
    descriptor = os.open(path, access | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
