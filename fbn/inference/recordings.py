"""Recordings of the live page: tables written to disk frame by frame, which survive a reload or a crash."""

import atexit
import csv
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from fbn import locks
from fbn.errors import FbnError
from fbn.inference import FrameResult
from fbn.inference.export import TableWriter
from fbn.resources import data_folder, make_folder

#: Limit of frames per recording (30 minutes at 30 frames a second), and of bytes of all recordings.
MAX_FRAMES, MAX_BYTES = 54_000, 2_000_000_000
_PREFIX, _STAMP = "fbn-live", "%Y-%m-%d-%H%M%S"
#: Unfinished recordings of this process.
_open: dict[Path, "Recording"] = {}


class Recording:
    """An active recording. The video thread adds frames, the page thread ends it.

    Args:
        path: path of the table, ends in ``.csv``; until the recording ends, rows are written to ``<name>.part``.
        layout, compounds: see ``TableWriter``.
        clock: returns seconds.

    Attributes:
        path: path of the finished table.
        problem: human-readable reason why it ended unexpectedly; else empty.

    Raises:
        FbnError: the file cannot be written.
    """

    def __init__(
        self, path: Path, layout: str, compounds: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path, self.problem = path, ""
        self._lock, self._clock, self._last = threading.Lock(), clock, clock()
        self._writer = TableWriter(path, layout, compounds)
        self._ended = False
        _open[path] = self

    @property
    def active(self) -> bool:
        """Whether frames can be added."""
        return not self._ended

    @property
    def frames(self) -> int:
        """Number of frames written so far."""
        return self._writer.frames

    @property
    def idle(self) -> float:
        """Seconds since the last frame was added."""
        return self._clock() - self._last

    def add(self, result: FrameResult) -> None:
        """Append a frame. Never raises: on failure or at ``MAX_FRAMES`` it ends, with the reason in ``problem``."""
        with self._lock:
            if self._ended:
                return
            self._last = self._clock()
            try:
                self._writer.write(result)
            except FbnError as error:
                self._finish(f"The recording ended: {error}. The rows before are kept.")
            else:
                if self.frames >= MAX_FRAMES:
                    self._finish(f"The recording ended by itself: it has {MAX_FRAMES:,} frames, the most.")

    def end(self) -> None:
        """Finish the table, or delete it if there are no frames. Does nothing after the end."""
        with self._lock:
            if not self._ended:
                self._finish("")

    def _finish(self, problem: str) -> None:
        self._ended, self.problem = True, problem
        _open.pop(self.path, None)
        try:
            self._writer.close(keep=self.frames > 0)
        except FbnError as error:
            self.problem = self.problem or f"The recording could not be finished: {error}"


@atexit.register
def _end_all() -> None:
    for recording in list(_open.values()):
        recording.end()


@dataclass(frozen=True)
class Entry:
    """A recording on disk.

    Attributes:
        path: path of the table, also while it is unfinished.
        began: local time of the start.
        seconds: from the first to the last frame.
        rows: number of rows, one per face and frame; 0 while it is unfinished.
        size: in bytes.
        recording: the active recording in this process; None for others.
        unfinished: whether it is being written, by this or another process.
    """

    path: Path
    began: datetime
    seconds: float
    rows: int
    size: int
    recording: Recording | None = None
    unfinished: bool = False


def folder() -> Path:
    """Return the folder of recordings."""
    return data_folder("recordings")


def begin(model: str, layout: str, compounds: Sequence[str] = ()) -> Recording:
    """Begin a recording in ``folder()``, named after the time and the model.

    Raises:
        FbnError: the folder or the file cannot be written, or all recordings together reach ``MAX_BYTES``.
    """
    try:
        root = make_folder(folder())
        taken = sum(path.stat().st_size for path in root.glob(f"{_PREFIX}-*"))
    except OSError as error:
        raise FbnError(f"the folder for recordings cannot be used ({error})") from error
    if taken >= MAX_BYTES:
        raise FbnError(f"the recordings in {root} take {taken / 1e9:.1f} GB, the most: delete some first")
    stem = f"{_PREFIX}-{datetime.now():{_STAMP}}"
    names = (f"{stem}{again}-{model}.csv" for again in ("", *(f"_{n}" for n in range(2, 1000))))
    path = next(root / name for name in names if not (root / name).exists() and root / name not in _open)
    return Recording(path, layout, compounds)


def entries() -> list[Entry]:
    """List all recordings, newest first; those of a crashed process are finished first.

    Raises:
        FbnError: the folder cannot be read.
    """
    listed = []
    try:
        for path in sorted(folder().glob(f"{_PREFIX}-*"), reverse=True):
            with suppress(FileNotFoundError):  # deleted or finished meanwhile
                if (entry := _entry(path)) is not None:
                    listed.append(entry)
    except OSError as error:
        raise FbnError(f"the folder of recordings cannot be read ({error})") from error
    return sorted(listed, key=lambda entry: entry.began, reverse=True)


def _entry(path: Path) -> Entry | None:
    stat = path.stat()
    final = path.with_suffix("") if path.suffix == ".part" else path
    try:
        began = datetime.strptime("-".join(final.stem.split("-")[2:6]).split("_")[0], _STAMP)
    except ValueError:  # not a recording
        return None
    if final != path:
        recording = _open.get(final)
        if recording is not None or locks.taken(path):
            return Entry(final, began, 0.0, 0, stat.st_size, recording, unfinished=True)
        if not _rescue(path, final):
            return None
        path, stat = final, final.stat()
    if path.suffix != ".csv":
        return None
    rows, seconds = _measured(path, stat.st_size, stat.st_mtime)
    return Entry(path, began, seconds, rows, stat.st_size)


def _rescue(part: Path, final: Path) -> bool:
    """Finish the table of a crashed process, whose lock is free; an incomplete last line is removed.

    Returns:
        False if there is no complete row; the table is then deleted.
    """
    written = part.read_bytes()
    whole = written.rfind(b"\n") + 1
    if written[:whole].count(b"\n") < 2:  # the header only
        part.unlink()
        return False
    os.truncate(part, whole)
    os.replace(part, final)
    return True


@lru_cache(maxsize=512)
def _measured(path: Path, size: int, changed: float) -> tuple[int, float]:
    """Return the number of rows of a table, and the seconds from its first to its last."""
    with path.open(newline="", encoding="utf-8") as file:
        names, rows, first, last = file.readline(), 0, "", ""
        for last in file:
            first, rows = first or last, rows + 1
    times = [float(row["timestamp"]) for row in csv.DictReader([names, first, last])]
    return rows, times[-1] - times[0] if times else 0.0


def delete(path: Path) -> None:
    """Delete a finished recording.

    Raises:
        FbnError: it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FbnError(f"{path.name} cannot be deleted ({error.strerror or error})") from error
