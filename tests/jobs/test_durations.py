"""How long work takes: measured, counted down, remembered from jobs that ended on this machine."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fbn import jobs
from fbn.jobs import JobError, durations

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(7.4, "7 s"), (99, "99 s"), (240, "4 min"), (3599, "1 h"), (3600, "1 h"), (7800, "2 h 10 min")],
)
def test_durations_in_words(seconds: float, said: str):
    assert durations.in_words(seconds) == said


def test_what_is_left_is_told_once_enough_is_done():
    assert durations.left(60, 0.25) == 180
    assert durations.left(60, 1.0) == 0
    assert durations.left(0.5, 0.5) is None, "too short to tell"
    assert durations.left(60, 0.01) is None, "too little to tell"
    assert durations.countdown(None) == ""
    assert durations.countdown(180) == " · about 3 min left"
    assert durations.countdown(43) == " · about 40 s left"
    assert durations.countdown(3) == " · a few seconds left"


def test_a_job_is_told_from_the_last_one_like_it(monkeypatch: pytest.MonkeyPatch):
    def job(
        steps: int, seconds: float, status: str = "done", again: bool = False, kind: str = "study"
    ) -> SimpleNamespace:
        queued = NOON + timedelta(hours=again)
        return SimpleNamespace(
            kind=kind, status=status, created=NOON, queued=queued, seconds=seconds, parameters={"steps": steps}
        )

    found: list[SimpleNamespace] = []
    monkeypatch.setattr(jobs, "jobs", lambda: found)

    def said() -> str:
        return durations.remembered("study", lambda of: of["steps"] if of["steps"] < 1000 else None, 200)

    assert said() == "", "no time before one was measured"
    found += [
        job(100, 5, "failed"),
        job(100, 5, again=True),
        job(100, 5, kind="fewshot"),
        job(1000, 5),
        job(100, 60),
        job(100, 600),
    ]
    assert said() == "About 2 min here, measured on 04 May."

    def broken() -> list:
        raise JobError("the folder of jobs cannot be read")

    monkeypatch.setattr(jobs, "jobs", broken)
    assert said() == ""
