"""What glibc's allocator must be told before Python starts, or training takes 20 times as long."""

import os
import sys

#: glibc maps every block above 32 MB afresh and returns it at once, so that each training step page-faults through
#: gigabytes. The settings are read before Python starts.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


def with_allocator() -> None:
    """Start this command again under settings that a training needs, unless it runs under them."""
    if sys.platform != "linux" or "MALLOC_MMAP_MAX_" in os.environ:
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | ALLOCATOR)
