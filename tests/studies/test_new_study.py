"""A new study is one file and one line: here is the file, the line is set for the time of the test."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fbn.cli import application
from fbn.context import Context
from fbn.data.loading import Pool, Stream
from fbn.errors import FormatError
from fbn.records import Annotations
from fbn.studies import engine
from fbn.studies.material import HeldOutSet
from fbn.studies.measure import measure
from fbn.studies.registry import STUDIES, study_of
from fbn.studies.study import Arm, Budget, Measured, Report, Request, Study, Trained, Training, by_name
from fbn.training.recipe import Recipe

ARMS = by_name(
    [
        Arm("plain", "coupling", "nothing couples the tasks"),
        Arm("matched", "coupling", "distribution matching", {"objective": {"distribution_matching": 0.2}}, "plain"),
    ]
)


class TinyRequest(Request):
    """Noise instead of faces."""

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = {"small": Budget(steps=2, seeds=2, rounds=3)}


def load(request: TinyRequest, seed: int, report: Report) -> Pool:
    report(0.0, "drawing noise")
    generator = np.random.default_rng(seed)
    labels = [Annotations.of(("fear", "happiness")[i % 2], {1: float(i % 2), 12: 1.0 - i % 2}) for i in range(12)]
    return Pool.of({"noise": (generator.integers(0, 256, (12, 144, 144, 3), np.uint8), Annotations.stack(labels))})


def training(request: TinyRequest, arm: Arm, seed: int, data: Pool) -> Training:
    base = Recipe(
        network_args={"widths": (16, 16), "blocks": (1, 1)},
        objective={"expression": 1.0, "action_units": 1.0},
        sides=(32,),
    )
    return Training(arm.recipe(base), data, [Stream(np.arange(12), 4)])


def measured(trained: Trained) -> Measured:
    own = HeldOutSet("noise", trained.data, ("accuracy", "f1"), np.arange(12), True)
    return measure({"noise": trained.predict(trained.data.crops[0])}, (own,), trained.request.limits.rounds, 0)


TINY = Study("tiny", "Does noise teach?", TinyRequest, load, training, measured)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(STUDIES, "tiny", f"{__name__}:TINY")
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")  # no second start
    yield
    assert torch.is_grad_enabled()


def test_a_new_study_runs_is_resumed_and_is_gone_again(registered: None, tmp_path: Path) -> None:
    assert study_of("tiny") is TINY
    shown = CliRunner().invoke(application, ["study", "tiny", "--list"])
    assert "distribution matching" in shown.output
    command = ["study", "tiny", "--seeds", "2", "--workers", "1", "--out", str(tmp_path), "--device", "cpu"]
    said = CliRunner().invoke(application, command)
    assert said.exit_code == 0, said.output
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {
        f"{seed:02d}-{arm}.json" for seed in range(2) for arm in ARMS
    }
    summary = json.loads((tmp_path / "summary.json").read_text())
    (f1,) = [each for each in summary["figures"] if (each["row"], each["figure"]) == ("matched", "f1")]
    assert (f1["seeds"], f1["uncoupled"]["seeds"], f1["single"]) == (2, 2, None)
    # its folder opens as any other
    table = CliRunner().invoke(application, ["study", "table", str(tmp_path), "--against", "means"])
    assert table.exit_code == 0, table.output
    assert all(arm in table.output for arm in ARMS)
    # a seed more trains what is missing alone
    done: list[str] = []
    context = Context(tmp_path, lambda share, words: done.append(words))
    engine.run(TINY, TinyRequest(seeds=3), context)
    assert [words for words in dict.fromkeys(done) if words.startswith("run")] == [
        "run 5 of 6: plain, seed 2",
        "run 6 of 6: matched, seed 2",
    ]


def test_it_is_not_there_without_its_line() -> None:
    with pytest.raises(FormatError, match="unknown study 'tiny'"):
        study_of("tiny")
    assert CliRunner().invoke(application, ["study", "tiny"]).exit_code != 0


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ([Arm("a", "", ""), Arm("a", "", "")], "several arms would be named a"),
        ([Arm("a", "", "", baseline="b")], "baselines that are no arms"),
    ],
)
def test_arms_are_checked(arms: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        by_name(arms)
