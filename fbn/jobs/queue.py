"""Starting jobs and looking after them: the folder of jobs is the only memory, so every process sees the same."""

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
from fbn.errors import FbnError, FormatError, MissingFileError, describe_os_error
from fbn.jobs import kinds
from fbn.jobs.folder import CANCEL, IDENTIFIER, LOCK, LOG, REQUEST, RESULT, STATE, Job, JobError, JobRequest, State
from fbn.resources import data_folder, make_folder
from fbn.training.allocator import ALLOCATOR

#: The command that runs a job's folder.
WORKER = (sys.executable, "-m", "fbn.jobs.worker")
#: Seconds that a worker may take to go.
_LEAVING = 5.0


def start(kind: str, title: str, parameters: BaseModel | Mapping[str, Any], device: str = "cpu") -> Job:
    """Put a job in its device's queue; a process of its own runs it when those before it have ended.

    Args:
        kind: one of ``fbn.jobs.kinds.KINDS``.
        title: for people.
        parameters: of the kind's function.
        device: what it uses; jobs of one device run one after another, first come, first served.

    Raises:
        FormatError: an unknown kind, or a parameter, title or device that is not as it must be.
        JobError: the folder of jobs cannot be written, or its disk is full.
    """
    checked = kinds.parse(kind, parameters).model_dump(mode="json")
    now = datetime.now(UTC)
    try:
        request = JobRequest(kind=kind, title=title, parameters=checked, device=device, created=now)
    except ValidationError as error:
        problem = error.errors()[0]
        raise FormatError(f"{problem['loc'][0]}: {problem['msg']}") from None
    root, name = _root(), f"{now:%Y%m%d-%H%M%S}-{token_hex(3)}"
    try:
        make_folder(root)
    except FbnError as error:
        raise JobError(str(error)) from None
    draft, folder = root / f".{name}", root / name
    with _worded(root):
        draft.mkdir()
        try:
            descriptor = locks.take(draft / LOCK)
            assert descriptor is not None
            request.write(draft / REQUEST)
            State(queued=now).write(draft / STATE)
            # nobody sees it before it is whole and looks alive
            draft.rename(folder)
            _launch(folder, descriptor)
        except BaseException:
            for path in (draft, folder):
                shutil.rmtree(path, ignore_errors=True)
            raise
    return Job.read(folder)


def restart(identifier: str) -> Job:
    """Put a job that failed or was cancelled in the queue again; it goes on where its kind can.

    Raises:
        JobError: it is not of those, or cannot be written.
        MissingFileError: there is no such job.
    """
    found = job(identifier)
    if found.status not in ("failed", "cancelled"):
        raise JobError(f"{identifier} is {found.status}: only a job that failed or was cancelled can be started again")
    with _worded(found.folder):
        end = time.monotonic() + _LEAVING
        # a worker's last word comes a moment before it is gone
        while (descriptor := locks.take(found.folder / LOCK)) is None:
            if time.monotonic() > end:
                raise JobError(f"{identifier}: its worker is still there, or somebody else has started it again")
            time.sleep(0.05)
        for name in (CANCEL, RESULT):
            (found.folder / name).unlink(missing_ok=True)
        State(queued=datetime.now(UTC)).write(found.folder / STATE)
        _launch(found.folder, descriptor)
    return Job.read(found.folder)


def jobs() -> list[Job]:
    """All jobs, the newest first. Folders that are none are passed over (``strangers``).

    Raises:
        JobError: the folder of jobs cannot be read.
    """
    return sorted((entry for entry in _entries() if isinstance(entry, Job)), key=lambda job: job.created, reverse=True)


def strangers() -> list[str]:
    """What is wrong with folders that look like jobs and cannot be read as such.

    Raises:
        JobError: the folder of jobs cannot be read.
    """
    return [str(entry) for entry in _entries() if isinstance(entry, FbnError)]


def job(identifier: str) -> Job:
    """One job.

    Raises:
        MissingFileError: there is no such job.
        FormatError: its files are broken.
    """
    if not IDENTIFIER.fullmatch(identifier):
        raise MissingFileError(f"no job {identifier!r}: expected a name such as 20260102-030405-a1b2c3")
    folder = _root() / identifier
    if not folder.is_dir():
        raise MissingFileError(f"no job {identifier}: it was removed, or never there")
    return Job.read(folder)


def cancel(identifier: str) -> Job:
    """Ask a job to stop; it does so at its next step, and what it has written stays.

    Raises:
        JobError: it has ended already, or its folder cannot be written.
        MissingFileError: there is no such job.
    """
    found = job(identifier)
    if not found.active:
        raise JobError(f"{identifier} has ended already: it is {found.status}")
    with _worded(found.folder):
        (found.folder / CANCEL).touch()
    return Job.read(found.folder)


def remove(identifier: str) -> None:
    """Delete a job that has ended, its folder and all.

    Raises:
        JobError: it waits or runs, or cannot be deleted.
        MissingFileError: there is no such job.
    """
    try:
        found = job(identifier)
    except FormatError:
        folder = _root() / identifier
    else:
        if found.active:
            raise JobError(f"{identifier} is {found.status}: cancel it first")
        folder = found.folder
    with _worded(folder):
        # renamed first, so that nobody meets half a job
        away = folder.with_name(f".removed-{folder.name}")
        folder.rename(away)
        shutil.rmtree(away)


def clean(older: timedelta = timedelta()) -> list[str]:
    """Delete every job that ended so long ago, and what interrupted starts and removals left.

    Returns:
        The identifiers of the jobs deleted.
    """
    now, gone = datetime.now(UTC), []
    for found in jobs():
        if not found.active and now - (found.ended or found.queued) >= older:
            with suppress(MissingFileError):  # somebody else was faster
                remove(found.id)
                gone.append(found.id)
    for left in _root().glob(".*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]"):
        if not locks.taken(left / LOCK):
            shutil.rmtree(left, ignore_errors=True)
    return gone


def first_in_line(own: Job) -> Job | None:
    """The job that a waiting one waits for, or None: those of its device that joined the queue before it."""
    before = [
        other
        for other in jobs()
        if other.active and other.device == own.device and (other.queued, other.id) < (own.queued, own.id)
    ]
    return min(before, key=lambda other: (other.queued, other.id), default=None)


def device_lock(own: Job) -> Path:
    """The lock that a device's running job holds."""
    return own.folder.parent / f".{own.device}.lock"


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
            # one removed meanwhile is no stranger
            if (root / name).exists():
                yield error


def _launch(folder: Path, descriptor: int) -> None:
    """Start the worker, which inherits the lock: it looks alive from the first moment to its last."""
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
    # a child that has ended and that nobody waited for would stay a zombie
    threading.Thread(target=process.wait, daemon=True).start()


@contextmanager
def _worded(path: Path) -> Iterator[None]:
    """Tell the system's errors in words."""
    try:
        yield
    except OSError as error:
        raise JobError(words_of(error, path)) from error


def words_of(error: OSError, path: Path) -> str:
    """What a full disk or a folder without permission is to a user."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return describe_os_error(error, path) + ("; fbn jobs clean deletes jobs that have ended" if full else "")
