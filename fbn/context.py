"""Support for long-running work: output folder, progress, cancellation, background threads, signals."""

import json
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Self

from fbn import locks
from fbn.errors import FbnError
from fbn.resources import make_folder, whole_file


class Cancelled(Exception):
    """Cancelled by the user; partial output is kept."""


@dataclass(frozen=True)
class Context:
    """Output folder, progress report and cancellation of a long-running function.

    Attributes:
        folder: output folder; partial results that it already holds are reused.
        report: called with the progress in [0, 1] and a short message.
        cancelled: whether the work should stop; cheap enough to call at every step.
    """

    folder: Path
    report: Callable[[float, str], None] = lambda progress, message: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise ``Cancelled`` if cancellation was requested."""
        if self.cancelled():
            raise Cancelled

    def part(self, start: float, length: float) -> Self:
        """Return a context whose progress from 0 to 1 is ``length`` of the whole progress, from ``start`` on."""
        return replace(self, report=lambda progress, message: self.report(start + progress * length, message))


class Background(ABC):
    """Cancellable work on a thread of this process, started by the constructor.

    A subclass calls this constructor last.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"fbn {type(self).__name__}")
        self._thread.start()

    @abstractmethod
    def _run(self) -> None:
        """Do the work. Check ``cancelled`` often and handle every exception: a thread's exceptions are not shown."""

    def cancel(self) -> None:
        """Request cancellation; results so far are kept."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether the thread is still running."""
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most ``seconds``. Return whether it has ended."""
        self._thread.join(seconds)
        return not self.running


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Create and lock an output folder; remove it at the end if it is new and still empty.

    Raises:
        FbnError: another run has locked it, or it cannot be created.
    """
    new = not folder.exists()
    make_folder(folder)
    with locks.holding(folder) as free:
        if not free:
            raise FbnError(f"{folder}: another run is writing there; wait for it, or give another folder")
        try:
            yield
        finally:
            if new:
                with suppress(OSError):  # not empty
                    folder.rmdir()


def end_with_parent() -> None:
    """Make this worker process exit when its parent process does. Called at the worker's start.

    Otherwise a pool's worker would outlive a killed parent, and a restarted run would have two workers that write to
    the same files.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="fbn parent").start()


def end_on_signals() -> None:
    """Make SIGTERM and SIGHUP raise ``SystemExit``, so that files are finished or removed. Called at a process' start.

    The exit status is the shell's for that signal (143, 129). Ignored signals stay ignored, as ``nohup`` requires.
    Further signals are ignored while the process exits.
    """

    def end(number: int, frame: object) -> None:
        for each in mine:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    mine = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) == signal.SIG_DFL]
    for each in mine:
        signal.signal(each, end)


@contextmanager
def deferring_signals() -> Iterator[None]:
    """Delay Ctrl-C, SIGTERM and SIGHUP until the block has ended, so that it completes."""
    if threading.current_thread() is not threading.main_thread():  # signals interrupt the main thread alone
        yield
        return
    pending: list[int] = []
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handlers = {each: handler for each, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    for each in handlers:
        signal.signal(each, lambda number, _: pending.append(number))
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        if pending:
            signal.raise_signal(pending[0])


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; create its folder.

    Raises:
        ValueError: a number that JSON cannot represent (nan, infinity).
        OSError: the disk is full, or the folder is not writable.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as unfinished:
        unfinished.write_text(text, "utf-8")
