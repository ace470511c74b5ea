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
from fbn.jobs.queue import describe_job_error, device_lock, first_in_line

#: Seconds between checks of the queue, and between updates of the progress on disk.
_POLL_INTERVAL, _WRITE_INTERVAL = 0.5, 0.5
#: Lower priority than the app and its pages.
_NICE = 10


class _StateWriter:
    """Writes ``state.json``; no other process writes it while the worker runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._written = folder, 0.0
        self.state = State.read(folder / STATE)

    def update(self, **changes: object) -> None:
        """Change fields of the state and write it to disk."""
        if "message" in changes and changes["message"] != self.state.message:
            print(f"{datetime.now():%H:%M:%S} {changes['message']}", flush=True)
        self.state = self.state.model_copy(update=changes)
        self.state.write(self.folder / STATE)
        self._written = time.monotonic()

    def report(self, progress: float, message: str) -> None:
        """Report for a ``Context``: writes a new message immediately, new progress every ``_WRITE_INTERVAL``."""
        if message != self.state.message or time.monotonic() - self._written > _WRITE_INTERVAL:
            self.update(progress=min(1.0, max(0.0, float(progress))), message=message)

    def end(self, status: Status, message: str) -> None:
        """Write the final state."""
        progress = {"progress": 1.0} if status == "done" else {}
        self.update(status=status, message=message, ended=datetime.now(UTC), **progress)


def work(folder: Path) -> Status:
    """Wait for the device, run the job, and write its final status, also after an error.

    Returns:
        The final status.
    """
    writer = _StateWriter(folder)
    context = Context(folder, writer.report, (folder / CANCEL).exists)
    try:
        writer.update(pid=os.getpid())
        job = Job.read(folder)
        with _device_turn(job, writer, context):
            function, _ = kinds.load(job.kind)
            parameters = kinds.parse(job.kind, job.parameters)
            result = function(parameters, context)
            write_json(folder / RESULT, result)
            writer.end("done", "done")
    except Cancelled:
        writer.end("cancelled", "cancelled")
    except FbnError as error:
        writer.end("failed", str(error))
    except SystemExit:
        writer.end(
            "failed", "stopped by the system: it is shutting down, or somebody ended the process; start it again"
        )
        raise
    except OSError as error:
        traceback.print_exc()
        writer.end("failed", describe_job_error(error, folder))
    except Exception as error:  # without a final status the job would seem to have stopped unexpectedly
        traceback.print_exc()
        writer.end("failed", f"{type(error).__name__}: {error} (the log says where)")
    return writer.state.status


@contextmanager
def _device_turn(job: Job, writer: _StateWriter, context: Context) -> Iterator[None]:
    """Wait for the earlier jobs of the device, then lock the device during the block."""
    while True:
        context.check()
        if before := first_in_line(job):
            writer.report(0, f"waiting for {before.title!r} ({job.device})")
        else:
            with locks.holding(device_lock(job)) as free:
                if free:
                    writer.update(status="running", started=datetime.now(UTC), message="starting")
                    yield
                    return
        time.sleep(_POLL_INTERVAL)


def main() -> None:
    """Run the job whose folder is the command-line argument."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    end_on_signals()
    sys.exit(0 if work(Path(sys.argv[1])) == "done" else 1)


if __name__ == "__main__":
    main()
