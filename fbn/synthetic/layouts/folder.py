"""Atomic creation of folders, and writers of pictures and text."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from fbn import locks
from fbn.errors import FbnError, FormatError
from fbn.resources import make_folder


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to ``out`` at the end, or removed on any error.

    Incomplete folders of killed processes are removed too.

    Raises:
        FormatError: ``out`` is a file or a folder that is not empty.
        FbnError: the folder cannot be created, or another process is filling it.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError(f"{out}: expected an empty folder, or none; delete it or choose another")
    out = Path(os.path.realpath(out))
    staged = make_folder(make_folder(out.parent) / f".{out.name}.part")
    with locks.holding(staged) as free:
        if not free:
            raise FbnError(f"{out}: another run is filling this folder; wait for it, or choose another")
        try:
            for left in staged.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield staged
            if out.exists():
                out.rmdir()
            os.replace(staged, out)
        except BaseException:  # not otherwise: once renamed, the next run's folder may have this name
            shutil.rmtree(staged, ignore_errors=True)
            raise


def save_picture(path: Path, image: np.ndarray) -> None:
    """Write [H, W, 3] uint8 RGB, or [H, W] gray, in the format of the path's suffix; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def save_lines(path: Path, *lines: str) -> None:
    """Write lines of text; makes the file's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="")


def grey(image: np.ndarray) -> np.ndarray:
    """Convert [H, W, 3] uint8 RGB to [H, W] uint8 gray."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
