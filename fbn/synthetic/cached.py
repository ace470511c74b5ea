"""Cached crops of a drawn world, drawn in parallel and stored in a file."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from fbn.context import end_with_parent
from fbn.data.crops import MARGIN, SIZE
from fbn.data.loading import Pool
from fbn.faces import align
from fbn.faces.landmarks import crop_landmarks, default_network
from fbn.records import Annotations
from fbn.resources import cache_folder, whole_file
from fbn.synthetic.ict import IctFace
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.render import render_batch
from fbn.synthetic.world import World

#: Pictures that a process draws at a time; few, so that small data sets are divided between processes too.
_BLOCK = 25
_THREADS = "OPENBLAS_NUM_THREADS"


def cached_pool(
    world: World, count: int, mesh: Path | None = None, processes: int | Executor = 1, progress: bool = True
) -> Pool:
    """Return the first pictures of a world as one data set, from the cache or drawn now.

    Crops are aligned by predicted landmarks, like real ones, rather than by the true landmarks: predictions are less
    exact for a moving mouth, and a network for real crops must be trained on the same errors.

    Args:
        world: the world; the data set has the name of its domain.
        count: number of pictures.
        mesh: file of the ICT head (``fbn.synthetic.ict``) to use; None: fbn's drawn face.
        processes: number of processes, or ``drawers`` to share between data sets; 1: draw in this process.
        progress: show a progress bar.

    Raises:
        FbnError: the mesh cannot be read.
    """
    path = cache_folder("drawn") / f"{_key(world, count, mesh)}.npy"
    if not os.path.exists(path):
        side = SIZE + 2 * MARGIN
        with whole_file(path) as unfinished:
            crops = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (count, side, side, 3))
            blocks = _blocks(world, count, mesh, processes)
            starts = range(0, count, _BLOCK)
            title = f"drawing {count} faces of {world.domain.name}"
            for start in track(starts, title, disable=not progress):
                crops[start : start + _BLOCK] = next(blocks)
            crops.flush()
    labels = Annotations.stack([world.draw(index).annotations for index in range(count)])
    return Pool.of({world.domain.name: (np.load(path, mmap_mode="r"), labels)})


@contextmanager
def drawers(processes: int) -> Iterator[Executor]:
    """Start processes to share between data sets; they start with the first data set that is not cached."""
    # forked children would share the parent's thread pools
    with _one_thread_each(), ProcessPoolExecutor(processes, get_context("spawn"), _begin) as workers:
        yield workers


def _blocks(world: World, count: int, mesh: Path | None, processes: int | Executor) -> Iterator[np.ndarray]:
    """Yield the crops of the world's pictures in blocks, in order."""
    one = partial(_block, world, count, mesh)
    starts = range(0, count, _BLOCK)
    if isinstance(processes, Executor):
        yield from processes.map(one, starts)
    elif processes == 1:
        yield from map(one, starts)
    else:
        with drawers(processes) as workers:
            yield from workers.map(one, starts)


def _begin() -> None:
    end_with_parent()
    cv2.setNumThreads(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Limit children to one BLAS thread, as small products are three times slower on two; NumPy reads it at import."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        os.environ.pop(_THREADS)
        if before is not None:
            os.environ[_THREADS] = before


def _block(world: World, count: int, mesh: Path | None, start: int) -> np.ndarray:
    faces = [world.draw(index).face for index in range(start, min(start + _BLOCK, count))]
    return draw_crops(faces, draw=IctFace.read(mesh).draw if mesh else render_batch, find=crop_landmarks)


def _key(world: World, count: int, mesh: Path | None) -> str:
    """Return a hash of the world, the mesh, and the drawing code."""
    key = hashlib.sha256(f"{count} {SIZE} {MARGIN} {default_network().sha256} {world.to_json()}".encode())
    for source in (*sorted(Path(__file__).parent.glob("*.py")), Path(align.__file__)):
        key.update(source.read_bytes())
    if mesh:
        stat = mesh.stat()
        key.update(f"{mesh.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode())
    return key.hexdigest()[:24]
