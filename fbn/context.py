"""What long pieces of work share: a folder to write in, progress, cancellation, a thread in the background."""

import json
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from fbn import locks
from fbn.errors import FbnError
from fbn.resources import make_folder, whole_file


class Cancelled(Exception):
    """Cancelled by the user; partial output is kept."""


@dataclass(frozen=True)
class Context:
    """Where a piece of work runs, whoever runs it.

    Attributes:
        folder: what it writes goes here; what it finds here it need not do again.
        report: takes the share done, in [0, 1], and what is being done in a few words.
        cancelled: whether it is to stop; cheap enough to be asked at every step.
    """

    folder: Path
    report: Callable[[float, str], None] = lambda share, words: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise ``Cancelled`` where somebody asked."""
        if self.cancelled():
            raise Cancelled


class Background(ABC):
    """Work on a thread of this process, which can be cancelled. It starts when the object is made.

    A subclass calls this constructor last.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"fbn {type(self).__name__}")
        self._thread.start()

    @abstractmethod
    def _run(self) -> None:
        """The work. It checks ``cancelled`` often and handles every exception: nobody would see a thread's."""

    def cancel(self) -> None:
        """Ask it to stop soon; what is done is kept."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has ended, at most ``seconds``; whether it has."""
        self._thread.join(seconds)
        return not self.running


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder to write results in, made where it is not there; removed at the end if nothing was put there.

    Raises:
        FbnError: another run holds it, or it cannot be made.
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
    """For a worker process' start: it ends when its parent does, however that ended.

    A pool's worker otherwise goes on with its share and then waits for ever, while whoever starts the work again has
    another worker write to the same files.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="fbn parent").start()


def end_on_signals() -> None:
    """For a process' start: SIGTERM and SIGHUP end it as an error does, so that files are finished or removed.

    Raises ``SystemExit`` with the shell's status for that signal (143, 129) in the main thread, wherever it is then.
    What was set to be ignored stays so, as ``nohup`` wants. While the process ends, further signals do not hasten it.
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
    """What must not be left half done: Ctrl-C, SIGTERM and SIGHUP take effect once the block has ended."""
    if threading.current_thread() is not threading.main_thread():  # signals interrupt the main thread alone
        yield
        return
    came: list[int] = []
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handlers = {each: handler for each, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    for each in handlers:
        signal.signal(each, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all, its folder too.

    Raises:
        ValueError: a number that JSON has no word for (nan, infinity).
        OSError: the disk is full, or the folder cannot be written.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as unfinished:
        unfinished.write_text(text, "utf-8")
