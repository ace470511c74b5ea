"""``python -m fbn.jobs.worker FOLDER``: the process that runs one job, started by ``fbn.jobs.start``."""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fbn import locks
from fbn.context import Cancelled, Context, end_on_signals, write_json
from fbn.errors import FbnError
from fbn.jobs import kinds
from fbn.jobs.folder import CANCEL, RESULT, STATE, Job, State, Status
from fbn.jobs.queue import device_lock, first_in_line, words_of

#: Seconds between looks at the queue, and between notes of how far it is.
_LOOK, _NOTE = 0.5, 0.5
#: The app and its pages come first.
_NICE = 10


class _Book:
    """Keeps ``state.json``; the only one who writes it while the worker lives."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._noted = folder, 0.0
        self.state = State.read(folder / STATE)

    def note(self, **changes: object) -> None:
        """Change the state, on disk at once."""
        if "words" in changes and changes["words"] != self.state.words:
            print(f"{datetime.now():%H:%M:%S} {changes['words']}", flush=True)
        self.state = self.state.model_copy(update=changes)
        self.state.write(self.folder / STATE)
        self._noted = time.monotonic()

    def report(self, share: float, words: str) -> None:
        """A context's ``report``: new words at once, a new share now and then."""
        if words != self.state.words or time.monotonic() - self._noted > _NOTE:
            self.note(share=min(1.0, max(0.0, float(share))), words=words)

    def end(self, status: Status, words: str) -> None:
        """The last entry."""
        share = {"share": 1.0} if status == "done" else {}
        self.note(status=status, words=words, ended=datetime.now(UTC), **share)


def work(folder: Path) -> Status:
    """Wait for the device, run the job, and leave a word on how it ended whatever happens.

    Returns:
        How it ended.
    """
    book = _Book(folder)
    context = Context(folder, book.report, (folder / CANCEL).exists)
    try:
        book.note(pid=os.getpid())
        own = Job.read(folder)
        with _turn(own, book, context):
            function, _ = kinds.load(own.kind)
            parameters = kinds.parse(own.kind, own.parameters)
            result = function(parameters, context)
            write_json(folder / RESULT, result)
            book.end("done", "done")
    except Cancelled:
        book.end("cancelled", "cancelled")
    except FbnError as error:
        book.end("failed", str(error))
    except SystemExit:
        book.end("failed", "stopped by the system: it is shutting down, or somebody ended the process; start it again")
        raise
    except OSError as error:
        traceback.print_exc()
        book.end("failed", words_of(error, folder))
    except Exception as error:  # the last line of defence: a worker without a word would look lost
        traceback.print_exc()
        book.end("failed", f"{type(error).__name__}: {error} (the log says where)")
    return book.state.status


@contextmanager
def _turn(own: Job, book: _Book, context: Context) -> Iterator[None]:
    """Wait until those before have ended and the device is free, then hold it."""
    while True:
        context.check()
        if before := first_in_line(own):
            book.report(0, f"waiting for {before.title!r} ({own.device})")
        else:
            with locks.holding(device_lock(own)) as free:
                if free:
                    book.note(status="running", started=datetime.now(UTC), words="starting")
                    yield
                    return
        time.sleep(_LOOK)


def main() -> None:
    """Run the job whose folder the command line names."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    end_on_signals()
    sys.exit(0 if work(Path(sys.argv[1])) == "done" else 1)


if __name__ == "__main__":
    main()
