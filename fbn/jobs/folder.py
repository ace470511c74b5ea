"""The folder of a job, which holds its whole state.

``job.json`` is the request (written once), ``state.json`` the status and progress (written only by the worker once it
runs), ``log.txt`` the worker's output, ``result.json`` the result. The worker holds the lock ``worker.lock`` while it
runs; a file ``cancel`` requests cancellation. Other files are written by the job's function.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fbn import locks
from fbn.context import write_json
from fbn.errors import FbnError, FormatError, MissingFileError, readable_errors

Status = Literal["queued", "running", "done", "failed", "cancelled"]
M = TypeVar("M", bound=BaseModel)

REQUEST, STATE, LOG, RESULT, LOCK, CANCEL = (
    "job.json",
    "state.json",
    "log.txt",
    "result.json",
    "worker.lock",
    "cancel",
)
#: Names of job folders. Other folders are ignored, and no identifier can be a path to somewhere else.
IDENTIFIER = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
#: Message of a job whose worker died without writing a final status.
LOST = "stopped unexpectedly"
#: Number of bytes at the end of ``log.txt`` in which ``Job.log`` looks for the last lines.
_TAIL = 200_000
#: Free bytes below which a disk counts as full: a worker may then fail to write why it stopped.
_FULL_DISK = 1_000_000


class JobError(FbnError):
    """A job cannot be started, cancelled or removed in its present state."""


class _JsonFile(BaseModel):
    """Base class of the contents of a JSON file in a job's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            FbnError: it does not exist, or is invalid; the message names the field.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise MissingFileError(f"{path}: no such file, so {path.parent.name} is no job") from None
        except OSError as error:
            raise JobError(f"{path}: cannot be read ({error.strerror})") from None
        except ValidationError as error:
            raise FormatError(f"{path}: {readable_errors(error, 'the file')}") from None

    def write(self, path: Path) -> None:
        """Write the file atomically."""
        write_json(path, self.model_dump(mode="json", by_alias=True))


class JobRequest(_JsonFile):
    """``job.json``: the request, its time and its device."""

    kind: str
    title: str = Field(min_length=1, max_length=200)
    parameters: dict[str, Any]
    device: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    created: AwareDatetime


class State(_JsonFile):
    """``state.json``: status and progress. ``queued`` is the time of joining the queue; a restart updates it.

    The file calls the progress ``share`` and the message ``words``.
    """

    status: Status = "queued"
    progress: float = Field(default=0, ge=0, le=1, alias="share")
    message: str = Field(default="waiting", alias="words")
    queued: AwareDatetime
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    pid: int | None = None


@dataclass(frozen=True)
class Job:
    """A snapshot of a job.

    Attributes:
        id: name of its folder; sorts by age.
        folder: its folder.
        kind: one of ``fbn.jobs.kinds.KINDS``.
        title: human-readable title.
        parameters: parameters of the kind's function, as JSON values.
        device: the processor it runs on, e.g. ``cpu``; jobs of one device run one after another.
        created: time of the request.
        status: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
        progress: in [0, 1].
        message: the current step, or the error.
        queued, started, ended: times; None if not yet.
        pid: process id of the worker, or None.
        cancelling: whether cancellation was requested and the job has not stopped yet.
    """

    id: str
    folder: Path
    kind: str
    title: str
    parameters: dict[str, Any]
    device: str
    created: datetime
    status: Status
    progress: float
    message: str
    queued: datetime
    started: datetime | None
    ended: datetime | None
    pid: int | None
    cancelling: bool

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a job from its folder. A job whose worker died without writing its status counts as failed.

        Raises:
            FbnError: the folder is not a job, or cannot be read.
        """
        request = JobRequest.read(folder / REQUEST)
        try:
            alive = locks.taken(folder / LOCK)
        except OSError as error:
            raise JobError(f"{folder / LOCK}: cannot be read ({error.strerror})") from None
        # read after the lock: a worker writes its final state before it releases the lock
        state = State.read(folder / STATE)
        values = dict(state) | {"cancelling": False}
        if state.ended is None and not alive:
            full = shutil.disk_usage(folder).free < _FULL_DISK
            values |= {"status": "failed", "message": f"{LOST}: no space is left on the disk" if full else LOST}
        elif state.ended is None:
            values["cancelling"] = (folder / CANCEL).exists()
        return cls(id=folder.name, folder=folder, **dict(request), **values)

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.status in ("queued", "running")

    @property
    def seconds(self) -> float:
        """Running time in seconds; 0 before the start."""
        if self.started is None:
            return 0.0
        last = datetime.now(UTC) if self.active else self.ended or self.started
        return max(0.0, (last - self.started).total_seconds())

    def result(self) -> Any:
        """Return the result, or None if there is none.

        Raises:
            FormatError: the file is not valid JSON.
        """
        path = self.folder / RESULT
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_bytes())
        except ValueError as error:
            raise FormatError(f"{path}: expected JSON: {error}") from None

    def log(self, lines: int = 200) -> str:
        """Return the last lines of the worker's output."""
        path = self.folder / LOG
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL), os.SEEK_SET)
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])
