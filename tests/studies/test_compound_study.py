"""The study of compound expressions: what is drawn, how arms differ, going on, what is claimed."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import f1_score, recall_score
from typer.testing import CliRunner

from fbn.cli import application
from fbn.compound import CompoundClasses, terms
from fbn.context import Cancelled, Context
from fbn.data.loading import Pool
from fbn.errors import FormatError, MissingFileError
from fbn.losses import COUPLINGS
from fbn.models.zoo import facebehaviornet
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.studies import compound, engine
from fbn.studies import compound_faces as faces
from fbn.studies import compound_ferplus as on_ferplus
from fbn.studies.compound import ARMS, STUDY, CompoundBudget, CompoundRequest, conclude, curve_rows, result, rows
from fbn.studies.compound_faces import SHARES, basic_pool, compound_set
from fbn.studies.compound_measure import features_and_predictions, zero_shot
from fbn.synthetic.world import World
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL
from fbn.training import recipe as recipes
from fbn.vocabulary import COMPOUND_RAFDB

DU = RelatednessTable.named("du2014")
SMALL = {"network_args": {"widths": (8, 8), "blocks": (1, 1)}, "sides": (32,), "precision": "32-true", "averaging": 0.0}


def asked(**changes: object) -> CompoundRequest:
    recipe = recipes.read("coupled").model_copy(update=SMALL)
    budget = CompoundBudget(seeds=1, pictures=60, held_out=20, compound=110, emotionet=32, steps=2, draws=2, rounds=20)
    return CompoundRequest(**{"recipe": recipe, "budget": budget, **changes})  # type: ignore[arg-type]


def study(request: CompoundRequest, context: Context) -> dict[str, Any]:
    return engine.run(STUDY, request, context)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, str]]]:
    """A finished study's folder, and what it reported."""
    folder, said = tmp_path_factory.mktemp("run"), []
    study(asked(), Context(folder, lambda share, words: said.append((share, words))))
    return folder, said


def test_faces_to_train_on_are_basic_and_labelled_for_one_task_each() -> None:
    pool, streams = basic_pool(DU, 0, 60)
    weights = {task: pool.annotations[task].weight for task in AFFECT_TASKS}
    known = {task: (w if w.ndim == 1 else w.amax(-1)) > 0 for task, w in weights.items()}
    assert torch.stack(list(known.values())).sum(0).tolist() == [1] * len(pool)
    assert [int(known[task].sum()) for task in SHARES] == [48, 4, 8]
    for task, stream in zip((EXPRESSION, ACTION_UNITS, VALENCE_AROUSAL), streams, strict=True):
        assert known[task].nonzero().flatten().tolist() == sorted(stream.pool)
    # a compound face would have half of two expressions
    assert pool.annotations.expression.max(-1).values[known[EXPRESSION]].tolist() == [1.0] * 48


def test_nobody_is_both_learned_from_and_tested_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def undrawn(world: World, count: int, **how: object) -> Pool:
        return Pool.of({world.domain.name: (np.zeros((count, 144, 144, 3), np.uint8), Annotations.empty(count))})

    monkeypatch.setattr(faces, "cached_pool", undrawn)
    own = compound_set("rafdb-compound", DU, 7, 220)
    assert set(own.classes) == set(COMPOUND_RAFDB)
    assert own.test.mean() == 0.2
    # of 200 people the first 20 are seen twice
    assert (own.test[200:] == own.test[:20]).all()
    assert compound_set("emotionet", DU, 7, 8).test.all()


def test_arms_differ_in_the_couplings_alone() -> None:
    one = CompoundRequest()
    coupled, uncoupled = (
        compound.training(one, ARMS[arm], 3, compound.CompoundData(None, [], None, {})).recipe  # type: ignore[arg-type]
        for arm in ("coupled", "uncoupled")
    )
    assert all(coupled.weights[term] > 0 for term in ("co_annotation", "distribution_matching"))
    assert not any(uncoupled.weights.get(term) for term in COUPLINGS)
    left = {name: weight for name, weight in coupled.objective.items() if name not in COUPLINGS}
    assert left == {name: weight for name, weight in uncoupled.objective.items() if name not in COUPLINGS}
    same = {"objective": {}, "name": ""}
    assert coupled.model_copy(update=same) == uncoupled.model_copy(update=same)
    assert coupled.table == DU
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        CompoundRequest(seeds=0)


def test_zero_shot_by_hand() -> None:
    classes = CompoundClasses.named("rafdb")
    rng = np.random.default_rng(0)
    said = Predictions.of(*(torch.from_numpy(rng.normal(size=(80, n))).float() for n in (7, 17, 2)))
    labels = np.arange(80) % 10  # nothing of the last class
    found = zero_shot(said, classes, labels, 30)
    choice = terms(said, classes).total.argmax(-1).numpy()
    seen = list(range(10))
    assert found["figures"]["mean_diagonal"]["value"] == pytest.approx(
        recall_score(labels, choice, labels=seen, average="macro"), abs=1e-12
    )
    present = sorted({*labels, *choice})
    assert found["figures"]["macro_f1"]["value"] == pytest.approx(
        f1_score(labels, choice, labels=present, average="macro"), abs=1e-12
    )
    assert list(found["recalls"]) == list(COMPOUND_RAFDB[:10])
    assert np.sum(found["confusion"]) == 80
    for each in found["figures"].values():
        assert each["low"] <= each["value"] <= each["high"]


def test_a_term_that_cannot_tell_classes_apart_is_worth_its_share() -> None:
    classes = CompoundClasses.named("rafdb")
    said = Predictions.of(torch.zeros(22, 7), torch.zeros(22, 17), torch.ones(22, 2))
    found = zero_shot(said, classes, np.arange(22) % 11, 10)
    # positive valence speaks for two of the eleven alike: half right on each
    assert found["terms"]["valence"] == pytest.approx(1 / 11)
    assert found["terms"]["action_units"] == pytest.approx(1 / 11)


def test_what_is_looked_at_is_what_the_network_says() -> None:
    network = facebehaviornet(widths=(8, 8), blocks=(1, 1)).eval()
    crops = np.random.default_rng(0).integers(0, 256, (3, 144, 144, 3), np.uint8)
    seen = features_and_predictions(network, crops, 112)
    with torch.inference_mode():
        direct = network(network.spec.prepare(crops[:, 16:128, 16:128]))
    assert seen.predictions.action_unit_logits is not None
    torch.testing.assert_close(seen.predictions.action_unit_logits, direct.action_unit_logits)
    assert seen.features.shape == (3, 8)


def test_the_whole_study(run: tuple[Path, list[tuple[float, str]]]) -> None:
    folder, said = run
    own, common = {"result.json", "figures.csv", "curve.csv"}, {"study.json", "runs", "runs.csv", "summary.json"}
    assert {path.name for path in folder.iterdir()} == own | common | {"summary.csv", "details.csv", "curves.csv"}
    assert {path.name for path in (folder / "runs").iterdir()} == {"00-coupled.json", "00-uncoupled.json"}
    found = json.loads((folder / "result.json").read_text())
    assert found["chance"] == {"rafdb-compound": pytest.approx(1 / 11), "emotionet": pytest.approx(1 / 16)}
    runs = [json.loads((folder / "runs" / f"00-{arm}.json").read_text()) for arm in ARMS]
    for one in runs:
        own, emotionet = one["sets"]["rafdb-compound"], one["sets"]["emotionet"]
        assert (own["pictures"], own["measured"]) == (110, 22)
        assert own["curve"][0]["shots"] == 0
        assert own["curve"][0]["value"] == own["zero_shot"]["figures"]["mean_diagonal"]["value"]
        assert (emotionet["measured"], "curve" in emotionet) == (32, False)
    named = {row["figure"]: row for row in rows(found)}
    zero = named["rafdb-compound/zero-shot mean_diagonal"]
    assert zero["coupled"] - zero["uncoupled"] == pytest.approx(zero["difference"])
    assert zero["chance"] == pytest.approx(1 / 11)
    assert {"emotionet/zero-shot macro_f1", "rafdb-compound/mean_diagonal 1 shots", "basic/accuracy"} <= set(named)
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert shares[-1] <= 1
    points = curve_rows(runs)
    assert {point["arm"] for point in points} == {"coupled", "uncoupled"}
    assert {point["shots"] for point in points} >= {"0 shots", "1 shots", "all shots"}


def test_it_goes_on_after_the_runs_that_are_there(tmp_path: Path, run: tuple[Path, list[tuple[float, str]]]) -> None:
    kept = json.loads((run[0] / "runs" / "00-uncoupled.json").read_text()) | {"git_sha": "kept"}
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "00-uncoupled.json").write_text(json.dumps(kept))
    (tmp_path / "study.json").write_bytes((run[0] / "study.json").read_bytes())
    said: list[str] = []
    found = study(asked(), Context(tmp_path, lambda share, words: said.append(words)))
    assert not any(": uncoupled" in words for words in said)
    # the other arm is what it was without the interruption
    assert found["arms"] == json.loads((run[0] / "result.json").read_text())["arms"]
    with pytest.raises(FormatError, match=r"holds another study \(it differs in steps\)"):
        study(asked(steps=3), Context(tmp_path))


def test_it_stops_between_arms_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    said = ["begin"]
    with pytest.raises(Cancelled):
        study(asked(), Context(tmp_path, lambda _, words: said.append(words), lambda: ": coupled" in said[-1]))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["00-uncoupled.json"]
    assert {path.name for path in tmp_path.iterdir()} == {"study.json", "runs", "runs.csv"}


def a_run(arm: str, seed: int, zero: float, ten: float, reach: float) -> dict[str, Any]:
    def point(shots: int, value: float) -> dict[str, Any]:
        difference = {"difference": value - zero, "difference_low": -1.0, "difference_high": value - zero + reach}
        return {"shots": shots, "draws": [value], "value": value, "low": 0.0, "high": 1.0, **difference}

    figures = {"mean_diagonal": {"value": zero, "low": 0.0, "high": 1.0}}
    own = {"zero_shot": {"figures": figures, "terms": {}}, "curve": [point(0, zero), point(10, ten)]}
    sets = {"rafdb-compound": own}
    return {"row": arm, "seed": seed, "sets": sets, "basic": {}, "figures": compound._flat(sets, {})}


def test_claims_are_what_the_plan_says() -> None:
    good = [a_run("coupled", s, 0.4, 0.5 + 0.01 * s, 0.1) for s in range(3)]
    # mean of zero-shot under 3 / 11; two of three get worse, by more than their intervals
    bad = [a_run("uncoupled", s, 0.25, ten, 0.1) for s, ten in enumerate((0.1, 0.12, 0.3))]
    found = result(asked(), [*bad, *good])["claims"]
    assert found["coupled"] == {
        "three_times_chance": True,
        "ten_shots_beat_zero_shot": True,
        "never_below": True,
        "runs_below": 0,
        "points": 3,
    }
    assert not found["uncoupled"]["three_times_chance"]
    assert not found["uncoupled"]["ten_shots_beat_zero_shot"]
    assert found["uncoupled"]["runs_below"] == 2
    # Student's interval of -.15, -.13 and .05 holds 0; of -.15, -.13 and -.14 it does not
    assert found["uncoupled"]["never_below"]
    worse = [a_run("uncoupled", s, 0.25, ten, 0.1) for s, ten in enumerate((0.1, 0.12, 0.11))]
    assert not result(asked(), [*worse, *good])["claims"]["uncoupled"]["never_below"]


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> list[CompoundRequest]:
    """Studies asked for; instead of training, ten shots add 0.1 with couplings and nothing without."""
    seen: list[CompoundRequest] = []

    def stand_in(_: object, request: CompoundRequest, context: Context) -> dict[str, Any]:
        seen.append(request)
        both = (("uncoupled", 0.3, 0.3), ("coupled", 0.4, 0.5))
        runs = [a_run(arm, seed, zero, ten, 0.1) for seed in range(2) for arm, zero, ten in both]
        return conclude(request, context.folder, runs, {})

    monkeypatch.setattr(engine, "run", stand_in)
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")  # no second start
    return seen


def test_the_command_prints_and_writes(tmp_path: Path, standing_in: list[CompoundRequest]) -> None:
    out = tmp_path / "new" / "out"
    command = ["bench", "compound", "-o", str(out), "--seeds", "2", "--first-seed", "90", "--steps", "7"]
    said = CliRunner().invoke(application, command, env={"COLUMNS": "140"})
    assert said.exit_code == 0, said.output
    (one,) = standing_in
    assert (one.limits.seeds, one.first_seed, one.limits.steps, one.recipe) == (2, 90, 7, recipes.read("coupled"))
    table = {row["figure"]: row for row in csv.DictReader((out / "figures.csv").open())}
    ten = table["rafdb-compound/mean_diagonal 10 shots"]
    assert [float(ten[name]) for name in ("uncoupled", "coupled", "difference", "chance")] == [0.3, 0.5, 0.2, 0.0909]
    assert len(list(csv.DictReader((out / "curve.csv").open()))) == 8
    assert "coupled: three times chance: True, ten shots beat zero shot: True" in said.output


def test_the_command_reads_ferplus_alone(
    tmp_path: Path, standing_in: list[CompoundRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = on_ferplus.summary([np.array([0, 1, 1])], np.array([0, 1, 0]), np.array([0, 0, 0]), 10)
    found = {
        "classes": {"sadly angry": {"train": 5, "test": 3}},
        "chance": {"top1": 0.5, "mean_diagonal": 0.5},
        "zero_shot": {"figures": figures},
        "few_shot": {"random body": {"from FER2013Train": {"all": figures}}},
    }
    monkeypatch.setattr(on_ferplus, "proxy", lambda data, model, draws, context: found | {"draws": draws})
    out = tmp_path / "out"
    command = ["bench", "compound", "-o", str(out), "--seeds", "0", "--draws", "3", "--data", str(tmp_path)]
    said = CliRunner().invoke(application, command, env={"COLUMNS": "140"})
    assert said.exit_code == 0, said.output
    assert not standing_in
    assert json.loads((out / "ferplus.json").read_text()) == found | {"draws": 3}
    assert "a proxy: 3 pictures" in said.output
    assert [line.split()[:2] for line in said.output.splitlines()[-1:]] == [["all", "0.667"]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("--data", "nowhere"), MissingFileError, "nowhere: no such folder"),
        (("--seeds", "0"), FormatError, "expected --data too"),
        (("--recipe", "smook"), FormatError, "no recipe 'smook'"),
    ],
)
def test_mistakes_are_told(
    tmp_path: Path, standing_in: list[CompoundRequest], arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    said = CliRunner().invoke(application, ["bench", "compound", "-o", str(tmp_path / "out"), *arguments])
    assert isinstance(said.exception, error)
    assert words in str(said.exception)
    assert not standing_in
    assert not (tmp_path / "out").exists()
