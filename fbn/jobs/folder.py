"""A job's folder, which is all there is of it.

``job.json`` says what is asked (written once), ``state.json`` how far it is (by the worker alone once it runs),
``log.txt`` what the worker printed, ``result.json`` what came out. ``worker.lock`` is held for as long as the worker
lives, and a file ``cancel`` asks it to stop. The rest is the kind's.
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
from fbn.errors import FbnError, FormatError, MissingFileError

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
#: Job folders are so named; nothing else is looked at, and no identifier leads out of the folder of jobs.
IDENTIFIER = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
LOST = "stopped unexpectedly"
_TAIL = 200_000
#: Bytes free on a disk that is full: a worker there cannot even write why it stops.
_LITTLE = 1_000_000


class JobError(FbnError):
    """A job cannot be started, stopped or removed as things stand."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            FbnError: it is not there, or not such a file; the message names the field.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise MissingFileError(f"{path}: no such file, so {path.parent.name} is no job") from None
        except OSError as error:
            raise JobError(f"{path}: cannot be read ({error.strerror})") from None
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the file"
            raise FormatError(f"{path}: {where}: {problem['msg']}") from None

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(path, self.model_dump(mode="json"))


class JobRequest(_File):
    """``job.json``: what is asked, when, and on which device."""

    kind: str
    title: str = Field(min_length=1, max_length=200)
    parameters: dict[str, Any]
    device: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    created: AwareDatetime


class State(_File):
    """``state.json``: how far it is. ``queued`` is when it joined the queue, which restarting does again."""

    status: Status = "queued"
    share: float = Field(default=0, ge=0, le=1)
    words: str = "waiting"
    queued: AwareDatetime
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    pid: int | None = None


@dataclass(frozen=True)
class Job:
    """One job as it was when it was looked at.

    Attributes:
        id: its folder's name; sorts by age.
        folder: where it is.
        kind: one of ``fbn.jobs.kinds.KINDS``.
        title: for people.
        parameters: of the kind's function, as JSON has them.
        device: jobs of one device wait for each other.
        created: when it was asked for.
        status: ``queued``, ``running``, or how it ended: ``done``, ``failed``, ``cancelled``.
        share: done, in [0, 1].
        words: what is being done, or what went wrong.
        queued, started, ended: when; None if not yet.
        pid: of the worker's process, or None.
        cancelling: somebody asked it to stop, and it has not yet.
    """

    id: str
    folder: Path
    kind: str
    title: str
    parameters: dict[str, Any]
    device: str
    created: datetime
    status: Status
    share: float
    words: str
    queued: datetime
    started: datetime | None
    ended: datetime | None
    pid: int | None
    cancelling: bool

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The job of a folder; one whose worker is gone without a word has failed.

        Raises:
            FbnError: it is none, or cannot be read.
        """
        request = JobRequest.read(folder / REQUEST)
        try:
            alive = locks.taken(folder / LOCK)
        except OSError as error:
            raise JobError(f"{folder / LOCK}: cannot be read ({error.strerror})") from None
        # after the lock: a worker lets it go only when it has written how it ended
        state = State.read(folder / STATE)
        values = dict(state) | {"cancelling": False}
        if state.ended is None and not alive:
            full = shutil.disk_usage(folder).free < _LITTLE
            values |= {"status": "failed", "words": f"{LOST}: no space is left on the disk" if full else LOST}
        elif state.ended is None:
            values["cancelling"] = (folder / CANCEL).exists()
        return cls(id=folder.name, folder=folder, **dict(request), **values)

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ("queued", "running")

    @property
    def seconds(self) -> float:
        """How long it has run; 0 before."""
        if self.started is None:
            return 0.0
        last = datetime.now(UTC) if self.active else self.ended or self.started
        return max(0.0, (last - self.started).total_seconds())

    def result(self) -> Any:
        """What came out, or None if nothing did.

        Raises:
            FormatError: the file is broken.
        """
        path = self.folder / RESULT
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_bytes())
        except ValueError as error:
            raise FormatError(f"{path}: expected JSON: {error}") from None

    def log(self, lines: int = 200) -> str:
        """The last lines that the worker printed."""
        path = self.folder / LOG
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL), os.SEEK_SET)
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])
