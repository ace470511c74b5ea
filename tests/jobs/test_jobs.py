"""Jobs through real worker processes: turns, stopping, dying, going on, and what the folders may hold."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn import jobs
from fbn.cli import application
from fbn.errors import FormatError, MissingFileError
from fbn.jobs import kinds, queue
from fbn.jobs.folder import LOST, Job
from tests.jobs import stand_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, and a worker that knows the tests' kinds."""
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(queue, "WORKER", (sys.executable, "-m", stand_in.__name__))
    return tmp_path / "home" / "jobs"


def until(job: Job, true: Callable[[Job], bool] = lambda job: not job.active, seconds: float = 240) -> Job:
    """The job once something is true of it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true(now := jobs.job(job.id)):
            return now
        time.sleep(0.05)
    raise AssertionError(f"still {jobs.job(job.id)}\n{job.log()}")


def start(title: str = "count", **parameters: object) -> Job:
    return jobs.start("count", title, parameters)


def test_a_job_runs_in_a_process_of_its_own_and_leaves_its_result() -> None:
    begun = start(upto=3)
    assert begun.status in ("queued", "running")
    done = until(begun)
    assert (done.status, done.progress, done.message) == ("done", 1.0, "done")
    assert done.result() == {"counted": 3, "began_with": 0}
    assert done.pid not in (None, os.getpid())
    assert done.queued <= done.started <= done.ended  # type: ignore[operator]
    assert done.seconds == pytest.approx((done.ended - done.started).total_seconds())  # type: ignore[operator]
    assert [line.split(" ", 1)[1] for line in done.log().splitlines()] == ["starting", "at 1", "at 2", "at 3", "done"]
    assert done.log(lines=1).endswith("done")


def test_a_job_outlives_the_process_that_started_it() -> None:
    code = (
        "import sys; from tests.jobs import stand_in; from fbn import jobs; from fbn.jobs import queue;"
        "queue.WORKER = (sys.executable, '-m', stand_in.__name__);"
        "print(jobs.start('count', 'orphan', {'upto': 4, 'seconds': 0.3}).id, flush=True);"
        "import os; os.kill(os.getpid(), 9)"
    )
    server = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert server.returncode == -signal.SIGKILL, server.stderr
    orphan = jobs.job(server.stdout.strip())
    assert orphan.active
    assert until(orphan).status == "done"


def test_jobs_of_one_device_take_turns_in_order_and_those_of_another_do_not_wait() -> None:
    first, second, third = (start(name, upto=3, seconds=0.2) for name in ("one", "two", "three"))
    other = jobs.start("count", "elsewhere", {"upto": 3, "seconds": 0.2}, device="gpu")
    waiting = until(second, lambda job: "waiting for" in job.message)
    assert waiting.message == "waiting for 'one' (cpu)"
    assert waiting.status == "queued"
    first, second, third, other = map(until, (first, second, third, other))
    assert first.ended <= second.started <= second.ended <= third.started  # type: ignore[operator]
    assert other.started < second.started  # type: ignore[operator]
    assert [job.id for job in jobs.jobs()] == [other.id, third.id, second.id, first.id]


def test_a_running_and_a_waiting_job_stop_when_asked() -> None:
    running, waiting = start("long", upto=1000, seconds=0.1), start("behind", upto=2)
    until(running, lambda job: job.message == "at 2")
    assert jobs.cancel(waiting.id).cancelling
    assert jobs.cancel(running.id).cancelling
    for job in (until(running), until(waiting)):
        assert (job.status, job.message, job.cancelling) == ("cancelled", "cancelled", False)
        assert job.result() is None
    assert until(waiting).started is None
    with pytest.raises(jobs.JobError, match="ended already: it is cancelled"):
        jobs.cancel(running.id)
    assert until(start("next", upto=1)).status == "done"


def test_a_killed_worker_is_noticed_at_once_and_the_job_goes_on_where_it_was() -> None:
    begun = start(upto=5, trouble_at=3, trouble="die")
    lost = until(begun)
    assert (lost.status, lost.message) == ("failed", LOST)
    with pytest.raises(jobs.JobError, match="only a job"):
        jobs.restart(start("busy", upto=50, seconds=0.1).id)
    for job in jobs.jobs():
        if job.active:
            jobs.cancel(job.id)
    done = until(jobs.restart(begun.id))
    assert (done.status, done.result()) == ("done", {"counted": 5, "began_with": 2})
    with pytest.raises(jobs.JobError, match="is done"):
        jobs.restart(begun.id)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("input", "line 3: expected a number"),
        ("bug", "KeyError: 'oh' (the log says where)"),
        ("full", "no space is left on the disk"),
    ],
)
def test_what_goes_wrong_is_told_in_words(trouble: str, words: str) -> None:
    failed = until(start(trouble_at=2, trouble=trouble))
    assert failed.status == "failed"
    assert words in failed.message
    assert ("Traceback" in failed.log()) == (trouble != "input")


def test_a_worker_that_the_system_ends_says_so_and_leaves_nothing_half_written() -> None:
    begun = start(upto=5, trouble_at=3, trouble="end")
    ended = until(begun)
    assert ended.status == "failed"
    assert "stopped by the system" in ended.message
    assert not list(ended.folder.rglob("*.tmp*"))
    assert until(jobs.restart(begun.id)).result() == {"counted": 5, "began_with": 2}


def test_a_job_file_cannot_name_code(home: Path) -> None:
    with pytest.raises(FormatError, match="unknown kind of job 'os:system'"):
        jobs.start("os:system", "evil", {})
    kept = until(start(upto=2, trouble_at=1, trouble="input"))
    path = home / kept.id / "job.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kind": "os:system"}))
    assert until(jobs.restart(kept.id)).message.startswith("unknown kind of job 'os:system'")


def test_every_kind_has_a_function_of_a_model_and_a_context() -> None:
    for kind in kinds.KINDS:
        function, model = kinds.load(kind)
        assert callable(function)
        assert model.model_config.get("extra") == "forbid"


def test_the_worker_itself_runs_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    nothing = tmp_path / "nothing"
    job = jobs.start("compare", "no data", {"base": "du2014", "edited": "affwild2", "data": str(nothing)})
    assert job.parameters["base"]["rows"]["happiness"]["AU12"] == 1
    failed = until(job)
    assert failed.status == "failed"
    assert f"{nothing}: expected at least one of the recipe's sets" in failed.message
    assert (job.folder / "study.json").is_file()


def test_parameters_are_checked_before_anything_is_queued(home: Path) -> None:
    for parameters, words in (({"upto": 0}, "count: upto: "), ({"step": 2}, "count: step: ")):
        with pytest.raises(FormatError, match=words):
            jobs.start("count", "wrong", parameters)
    with pytest.raises(FormatError, match="title"):
        jobs.start("count", "", {})
    with pytest.raises(FormatError, match="device"):
        jobs.start("count", "wrong", {}, device="../cpu")
    assert jobs.jobs() == []
    assert [path for path in home.glob("*") if path.is_dir()] == []


def test_foreign_and_broken_folders_are_told_and_do_no_harm(home: Path) -> None:
    good = until(start(upto=1))
    (home / "20260101-000000-aaaaaa").mkdir()
    (home / "20260101-000000-bbbbbb").mkdir()
    (home / "20260101-000000-bbbbbb" / "job.json").write_text('{"kind": "count"}')
    (home / "notes").mkdir()
    assert [job.id for job in jobs.jobs()] == [good.id]
    said = sorted(jobs.unreadable_jobs())
    assert len(said) == 2
    assert "20260101-000000-aaaaaa is no job" in said[0]
    assert "job.json: title: Field required" in said[1]
    for name in ("../../etc", "notes", "20260101-000000-cccccc"):
        with pytest.raises(MissingFileError, match="no job"):
            jobs.job(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    home.mkdir(parents=True)
    home.chmod(0o500)
    try:
        with pytest.raises(jobs.JobError, match="Permission denied"):
            start()
    finally:
        home.chmod(0o700)


def test_a_file_where_the_folder_should_be_is_told(home: Path) -> None:
    home.parent.mkdir()
    home.touch()
    with pytest.raises(jobs.JobError, match="folder of jobs cannot be read"):
        jobs.jobs()
    with pytest.raises(jobs.JobError, match="cannot be made"):
        start()


def test_to_look_at_jobs_makes_no_folder(home: Path) -> None:
    assert jobs.jobs() == []
    assert jobs.unreadable_jobs() == []
    assert jobs.clean() == []
    assert not home.parent.exists()


def test_only_what_has_ended_is_removed() -> None:
    old, busy = until(start(upto=1)), start(upto=1000, seconds=0.1)
    with pytest.raises(jobs.JobError, match="cancel it first"):
        jobs.remove(busy.id)
    assert jobs.clean(timedelta(days=1)) == []
    assert jobs.clean() == [old.id]
    assert not old.folder.exists()
    assert [job.id for job in jobs.jobs()] == [busy.id]
    jobs.cancel(busy.id)
    until(busy)
    jobs.remove(busy.id)
    assert jobs.jobs() == []
    with pytest.raises(MissingFileError, match="was removed"):
        jobs.job(busy.id)


def test_clean_sweeps_up_interrupted_starts(home: Path) -> None:
    (home / ".20260101-000000-aaaaaa").mkdir(parents=True)
    (home / ".removed-20260101-000000-bbbbbb").mkdir()
    (home / ".cpu.lock").touch()
    jobs.clean()
    assert [path.name for path in home.iterdir()] == [".cpu.lock"]


def test_command_line() -> None:
    run = CliRunner()
    assert "no jobs" in run.invoke(application, ["jobs", "list"]).output
    job = until(start("my [title]", upto=2))
    listed = run.invoke(application, ["jobs", "list"], env={"COLUMNS": "200"})
    assert job.id in listed.output
    assert "my [title]" in listed.output
    assert "progress" in listed.output
    shown = json.loads(run.invoke(application, ["jobs", "show", job.id, "--lines", "0"]).output)
    assert shown["parameters"] == job.parameters
    assert shown["parameters"]["upto"] == 2
    assert shown["result"] == {"counted": 2, "began_with": 0}
    assert isinstance(run.invoke(application, ["jobs", "cancel", job.id]).exception, jobs.JobError)
    assert run.invoke(application, ["jobs", "remove", job.id]).exit_code == 0
    assert isinstance(run.invoke(application, ["jobs", "show", job.id]).exception, MissingFileError)
    busy = start(upto=1000, seconds=0.1)
    assert run.invoke(application, ["jobs", "cancel", busy.id]).exit_code == 0
    until(busy)
    assert run.invoke(application, ["jobs", "restart", busy.id]).exit_code == 0
    run.invoke(application, ["jobs", "cancel", busy.id])
    until(busy)
    assert run.invoke(application, ["jobs", "clean"]).output == "1 job removed\n"
    assert run.invoke(application, ["jobs", "clean"]).output == "0 jobs removed\n"
