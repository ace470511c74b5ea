"""A study's processes: what each does, on how many cores, and what happens when one fails."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from fbn.context import Cancelled, Context
from fbn.errors import FbnError
from fbn.studies import engine as module
from fbn.studies.affect import STUDY, AffectRequest
from fbn.studies.study import Study

SMOKE = AffectRequest(budget="smoke", arms=("none", "both-late", "single-au"), seeds=1, first_seed=7)


@pytest.mark.parametrize(
    ("budget", "row", "workers", "threads"),
    [
        ("small", "none", 1, 1),
        ("small", "densenet-121-none", 1, 6),
        ("small", "densenet-121-none", 2, 3),
        ("small", "densenet-121-none", 9, 1),
        ("full", "none", 2, 3),
    ],
)
def test_what_is_slow_gets_its_workers_share_of_the_cores(
    budget: str, row: str, workers: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 6)
    assert module._threads(AffectRequest(budget=budget), row, workers) == threads


def test_a_lone_workers_slow_run_is_given_every_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(module.os, "cpu_count", lambda: 6)
    monkeypatch.setattr(module, "_load", lambda *_: None)
    monkeypatch.setattr(module, "write_runs", lambda *_: None)
    monkeypatch.setattr(module, "finished", lambda *_: [])
    monkeypatch.setattr(module, "_run_once", lambda *asked: given.append(asked[-1]) or {})
    module._work(STUDY, AffectRequest(), Context(tmp_path), [(0, "none"), (0, "vgg-face-none")])
    assert given == [1, 6]


@pytest.mark.parametrize(
    ("done", "shares"),
    [
        ((), [["none", "match"], ["co", "both"]]),
        (("none", "match"), [["co"], ["both"]]),
        (("none", "co", "match"), [["both"]]),
        (("none", "co", "match", "both"), []),
    ],
)
def test_workers_share_what_is_missing_and_none_is_idle(
    done: tuple[str, ...], shares: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, given = AffectRequest(budget="smoke", arms=("none", "co", "match", "both"), seeds=1), []

    class Pool:
        def __init__(self, workers: int, *rest: object) -> None:
            assert workers == len(shares)

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *rest: object) -> None:
            pass

        def submit(
            self, part: object, study: Study, _: AffectRequest, __: Path, missing: list[Any], workers: int, gpu: None
        ) -> None:
            given.append([row for _, row in missing])
            assert workers == len(shares)

    for name in ("begin", "_load", "_wait", "write_runs", "finished", "write_summary"):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(module, "ProcessPoolExecutor", Pool)
    (tmp_path / "runs").mkdir()
    for row in done:
        module.file_of(tmp_path, 0, row).touch()
    module.run(STUDY, asked, Context(tmp_path), 2)
    assert given == shares


def test_a_worker_does_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    monkeypatch.setattr(module, "_load", lambda *_: None)
    monkeypatch.setattr(module, "_run_once", lambda _, __, run, *rest: runs.append(run[1]) or {"row": run[1]})
    asked = AffectRequest(budget="smoke", arms=("none", "co", "match", "both"), seeds=1)
    module._start(STUDY, asked, tmp_path, [(0, "co"), (0, "both")], 2, None)
    assert runs == ["co", "both"]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"00-co.json", "00-both.json"}
    # that is for whoever started it
    assert not (tmp_path / "runs.csv").exists()


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_one_slow_run_trains_in_a_process_of_its_own_with_another_that_makes_batches(
    tmp_path: Path, drawn_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_CACHE", str(drawn_once))
    asked = AffectRequest(budget="smoke", arms=("resnet-50-none",), seeds=1, first_seed=7)
    found = module.run(STUDY, asked, Context(tmp_path), 0)
    assert {figure["row"] for figure in found["figures"]} == {"resnet-50-none"}


def test_a_worker_beside_another_leaves_it_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(module.os, "cpu_count", lambda: 6)
    monkeypatch.setattr(module, "_load", lambda *_: None)
    monkeypatch.setattr(module, "_run_once", lambda *asked: given.append(asked[-1]) or {})
    module._start(STUDY, AffectRequest(), tmp_path, [(0, "none"), (0, "vgg-face-none")], 2, None)
    assert given == [1, 3]


def test_a_part_that_fails_ends_the_study_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[Future[None]] = [Future(), Future()]
    parts[1].set_exception(BrokenProcessPool())
    with pytest.raises(FbnError, match="a worker was killed"):
        module._wait(parts, SMOKE, Context(tmp_path))
    with pytest.raises(Cancelled):
        module._wait(parts[:1], SMOKE, Context(tmp_path, cancelled=lambda: True))


def _one_fails(_: Study, __: AffectRequest, folder: Path, missing: list[module.Run], *rest: object) -> None:
    """A part of which the second goes on training, as Lightning does, whoever asks it to end."""
    begun = folder / "begun"
    if missing[0][1] == "both":
        signal.signal(signal.SIGTERM, lambda *_: None)
        begun.touch()
    for _ in range(3000):
        if begun.exists() and missing[0][1] == "none":
            raise FbnError("no space is left")
        time.sleep(0.1)
    (folder / "went on").touch()


def test_a_run_that_fails_ends_another_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_load", lambda *_: None)
    monkeypatch.setattr(module, "_start", _one_fails)
    asked = AffectRequest(budget="smoke", arms=("none", "both"), seeds=1)
    with pytest.raises(FbnError, match="no space is left"):
        module.run(STUDY, asked, Context(tmp_path), 2)
    assert (tmp_path / "begun").exists()
    assert not (tmp_path / "went on").exists()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("named", "seen"), [("", ["0", "1", "0"]), ("2,GPU-a", ["2", "GPU-a", "2"])])
def test_workers_see_the_gpus_that_are_visible(named: str, seen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert [module._gpu(number, 2) for number in range(3)] == seen
    assert module._gpu(0, 0) is None
