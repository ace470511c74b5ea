"""Settings of glibc's allocator for training, which takes 20 times as long without them."""

import os
import sys

#: By default glibc maps every block above 32 MB anew and unmaps it when freed, so that each training step page-faults
#: through gigabytes. The settings are read before Python starts.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


def with_allocator() -> None:
    """Restart this command with the allocator settings, unless they are set already."""
    if sys.platform != "linux" or "MALLOC_MMAP_MAX_" in os.environ:
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | ALLOCATOR)
