"""Start, list, cancel and remove jobs. All state is in the folder of jobs, so that every process sees the same."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from pydantic import BaseModel, ValidationError

from fbn import locks
from fbn.errors import FbnError, FormatError, MissingFileError, describe_os_error, readable_errors
from fbn.jobs import kinds
from fbn.jobs.folder import CANCEL, IDENTIFIER, LOCK, LOG, REQUEST, RESULT, STATE, Job, JobError, JobRequest, State
from fbn.resources import data_folder, make_folder
from fbn.training.allocator import ALLOCATOR

#: The command that runs a job's folder.
WORKER = (sys.executable, "-m", "fbn.jobs.worker")
#: Seconds that a worker may take to exit.
_EXIT_TIMEOUT = 5.0


def start(kind: str, title: str, parameters: BaseModel | Mapping[str, Any], device: str = "cpu") -> Job:
    """Add a job to its device's queue; a separate process runs it after the jobs before it.

    Args:
        kind: one of ``fbn.jobs.kinds.KINDS``.
        title: human-readable title.
        parameters: parameters of the kind's function.
        device: name of its queue; jobs of one device run one after another, in the order of their start.

    Raises:
        FormatError: an unknown kind, or an invalid parameter, title or device.
        JobError: the folder of jobs is not writable, or its disk is full.
    """
    checked = kinds.parse(kind, parameters).model_dump(mode="json")
    now = datetime.now(UTC)
    try:
        request = JobRequest(kind=kind, title=title, parameters=checked, device=device, created=now)
    except ValidationError as error:
        raise FormatError(readable_errors(error, "job")) from None
    root, name = _root(), f"{now:%Y%m%d-%H%M%S}-{token_hex(3)}"
    try:
        make_folder(root)
    except FbnError as error:
        raise JobError(str(error)) from None
    draft, folder = root / f".{name}", root / name
    with _readable_os_errors(root):
        draft.mkdir()
        try:
            descriptor = locks.take(draft / LOCK)
            assert descriptor is not None
            request.write(draft / REQUEST)
            State(queued=now).write(draft / STATE)
            # the job becomes visible only once it is complete and its lock is held
            draft.rename(folder)
            _launch(folder, descriptor)
        except BaseException:
            for path in (draft, folder):
                shutil.rmtree(path, ignore_errors=True)
            raise
    return Job.read(folder)


def restart(identifier: str) -> Job:
    """Queue a failed or cancelled job again; it resumes if its kind supports that.

    Raises:
        JobError: it neither failed nor was cancelled, or its folder is not writable.
        MissingFileError: the job does not exist.
    """
    target = job(identifier)
    if target.status not in ("failed", "cancelled"):
        raise JobError(f"{identifier} is {target.status}: only a job that failed or was cancelled can be started again")
    with _readable_os_errors(target.folder):
        end = time.monotonic() + _EXIT_TIMEOUT
        # a worker writes its final state shortly before it exits
        while (descriptor := locks.take(target.folder / LOCK)) is None:
            if time.monotonic() > end:
                raise JobError(f"{identifier}: its worker is still there, or somebody else has started it again")
            time.sleep(0.05)
        for name in (CANCEL, RESULT):
            (target.folder / name).unlink(missing_ok=True)
        State(queued=datetime.now(UTC)).write(target.folder / STATE)
        _launch(target.folder, descriptor)
    return Job.read(target.folder)


def jobs() -> list[Job]:
    """Return all jobs, newest first. Invalid ones are skipped (see ``unreadable_jobs``).

    Raises:
        JobError: the folder of jobs cannot be read.
    """
    return sorted((entry for entry in _entries() if isinstance(entry, Job)), key=lambda job: job.created, reverse=True)


def unreadable_jobs() -> list[str]:
    """Return an error message for each folder that is named like a job and cannot be read.

    Raises:
        JobError: the folder of jobs cannot be read.
    """
    return [str(entry) for entry in _entries() if isinstance(entry, FbnError)]


def job(identifier: str) -> Job:
    """Return one job.

    Raises:
        MissingFileError: the job does not exist.
        FormatError: its files are invalid.
    """
    if not IDENTIFIER.fullmatch(identifier):
        raise MissingFileError(f"no job {identifier!r}: expected a name such as 20260102-030405-a1b2c3")
    folder = _root() / identifier
    if not folder.is_dir():
        raise MissingFileError(f"no job {identifier}: it was removed, or never there")
    return Job.read(folder)


def cancel(identifier: str) -> Job:
    """Request cancellation of a job; it stops at its next step and keeps its partial output.

    Raises:
        JobError: it has already ended, or its folder is not writable.
        MissingFileError: the job does not exist.
    """
    target = job(identifier)
    if not target.active:
        raise JobError(f"{identifier} has ended already: it is {target.status}")
    with _readable_os_errors(target.folder):
        (target.folder / CANCEL).touch()
    return Job.read(target.folder)


def remove(identifier: str) -> None:
    """Delete a job that has ended, with its folder.

    Raises:
        JobError: it is queued or running, or cannot be deleted.
        MissingFileError: the job does not exist.
    """
    try:
        target = job(identifier)
    except FormatError:
        folder = _root() / identifier
    else:
        if target.active:
            raise JobError(f"{identifier} is {target.status}: cancel it first")
        folder = target.folder
    with _readable_os_errors(folder):
        # renamed first, so that no process sees a partly deleted job
        hidden = folder.with_name(f".removed-{folder.name}")
        folder.rename(hidden)
        shutil.rmtree(hidden)


def clean(older: timedelta = timedelta()) -> list[str]:
    """Delete every job that ended at least ``older`` ago, and remains of interrupted starts and removals.

    Returns:
        The identifiers of the deleted jobs.
    """
    now, removed = datetime.now(UTC), []
    for target in jobs():
        if not target.active and now - (target.ended or target.queued) >= older:
            with suppress(MissingFileError):  # another process has removed it
                remove(target.id)
                removed.append(target.id)
    for left in _root().glob(".*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]"):
        if not locks.taken(left / LOCK):
            shutil.rmtree(left, ignore_errors=True)
    return removed


def first_in_line(waiting: Job) -> Job | None:
    """Return the first active job of the same device that joined the queue before ``waiting``, or None."""
    before = [
        other
        for other in jobs()
        if other.active and other.device == waiting.device and (other.queued, other.id) < (waiting.queued, waiting.id)
    ]
    return min(before, key=lambda other: (other.queued, other.id), default=None)


def device_lock(queued: Job) -> Path:
    """Return the path of the lock that the running job of the same device holds."""
    return queued.folder.parent / f".{queued.device}.lock"


def _root() -> Path:
    return data_folder("jobs")


def _entries() -> Iterator[Job | FbnError]:
    root = _root()
    try:
        names = [name for name in os.listdir(root) if IDENTIFIER.fullmatch(name)]
    except FileNotFoundError:
        return  # no job was started yet
    except OSError as error:
        raise JobError(f"{root}: the folder of jobs cannot be read ({error.strerror})") from None
    for name in names:
        try:
            yield Job.read(root / name)
        except FbnError as error:
            # a job that was removed meanwhile is not an error
            if (root / name).exists():
                yield error


def _launch(folder: Path, descriptor: int) -> None:
    """Start the worker, which inherits the lock, so that the job counts as alive from start to end."""
    try:
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [*WORKER, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(descriptor,),
                start_new_session=True,
                env=os.environ | ALLOCATOR | {"PYTHONUNBUFFERED": "1"},
            )
    finally:
        os.close(descriptor)
    # wait for the child, which would otherwise remain a zombie process
    threading.Thread(target=process.wait, daemon=True).start()


@contextmanager
def _readable_os_errors(path: Path) -> Iterator[None]:
    """Convert the operating system's errors to ``JobError`` with a readable message."""
    try:
        yield
    except OSError as error:
        raise JobError(describe_job_error(error, path)) from error


def describe_job_error(error: OSError, path: Path) -> str:
    """Return a message for an operating system's error; for a full disk it suggests ``fbn jobs clean``."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return describe_os_error(error, path) + ("; fbn jobs clean deletes jobs that have ended" if full else "")
