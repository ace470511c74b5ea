"""What long pieces of work share: a folder to write in, a way to say how far they are, a way to be stopped."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from fbn.resources import whole_file


class Cancelled(Exception):
    """Somebody asked the work to stop; what it has written stays."""


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


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all, its folder too.

    Raises:
        ValueError: a number that JSON has no word for (nan, infinity).
        OSError: the disk is full, or the folder cannot be written.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(text, "utf-8")
