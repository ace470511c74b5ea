"""The study as a whole: runs are written one by one, gone on with, put into tables; mistakes are named."""

import csv
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.context import Cancelled, Context, write_json
from fbn.data.loading import Pool, Stream
from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.jobs.kinds import parse
from fbn.records import Annotations
from fbn.studies import drawn
from fbn.studies import engine as module
from fbn.studies.affect import STUDY, AffectRequest
from fbn.studies.folder import SERIES, begin, precision_of, write_runs
from fbn.studies.material import StudyData
from fbn.studies.measure import TOGETHER
from fbn.studies.registry import STUDIES, study_of
from fbn.studies.study import Study
from fbn.tasks import AFFECT_TASKS
from fbn.training.precision import MIXED, WHOLE, resolve_precision
from fbn.training.recipe import Recipe

SMOKE = AffectRequest(budget="smoke", arms=("none", "both-late", "single-au"), seeds=1, first_seed=7)


def study(request: AffectRequest, context: Context) -> dict[str, Any]:
    return module.run(STUDY, request, context)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(drawn_once: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(drawn_once))
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, str]]]:
    """A finished study's folder, and what it reported."""
    folder, said = tmp_path_factory.mktemp("study"), []
    study(SMOKE, Context(folder, lambda share, words: said.append((share, words))))
    return folder, said


def test_a_run_a_line_and_the_tables(done: tuple[Path, list[tuple[float, str]]]) -> None:
    folder, said = done
    files = {path.name for path in folder.iterdir()}
    assert files == {"study.json", "runs", "runs.csv", "summary.json", "summary.csv", "details.csv", "curves.csv"}
    lines = list(csv.DictReader((folder / "runs.csv").open()))
    assert [(line["row"], line["seed"]) for line in lines] == [("none", "7"), ("both-late", "7"), ("single-au", "7")]
    assert all(line["git_sha"] and line["device"] and float(line["seconds"]) > 0 and line["date"] for line in lines)
    assert {line["precision"] for line in lines} == {resolve_precision("auto")}
    assert lines[2]["affectnet/accuracy"] == "" != lines[2]["bp4d/auc"]
    sets = {key.split("/")[0] for key in lines[0] if "/" in key}
    assert sets == {own.name for own in drawn.SETS} | {TOGETHER}
    assert "affwild2/ccc_valence/filtered" in lines[0]
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert said[-1][0] == pytest.approx(1)


def test_what_a_run_keeps(done: tuple[Path, list[tuple[float, str]]]) -> None:
    late = json.loads((done[0] / "runs" / "07-both-late.json").read_text())
    # four steps: the couplings count from the second on
    assert [value is None for value in late["curves"]["distribution_matching"]] == [True, False, False, False]
    assert None not in late["curves"]["expression"]
    assert late["table"]["rows"]["happiness"]["AU12"] == 1
    assert set(late["draws"]) == set(late["figures"])
    none = json.loads((done[0] / "runs" / "07-none.json").read_text())
    assert none["table"] is None
    assert {run["series"] for run in (late, none)} == {SERIES}
    assert "distribution_matching" not in none["curves"]
    assert none["curves"]["expression"][0] == late["curves"]["expression"][0]


@pytest.mark.parametrize(("budget", "counts", "steps"), [("small", [24, 12, 12], 120), ("full", [128, 64, 64], 6000)])
def test_a_slow_network_sees_a_share_of_each_step_and_has_fewer_on_two_cores(
    budget: str, counts: list[int], steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, seen = AffectRequest(budget=budget, rows=("densenet-121-none",)), []

    def train_once(recipe: Recipe, pool: object, streams: list[Stream], *rest: object, **named: object) -> None:
        seen.append(([s.count for s in streams], recipe.network_args, recipe.steps_per_epoch, recipe.warmup))
        raise Cancelled

    monkeypatch.setattr("fbn.training.trial.train_once", train_once)
    streams = tuple(
        (task, Stream(np.arange(9), count)) for task, count in zip(AFFECT_TASKS, asked.limits.per_step, strict=True)
    )
    data = StudyData(
        Pool.of({"one": (np.zeros((1, 8, 8, 3), np.uint8), Annotations.empty(1))}), streams, (), Annotations.empty(1)
    )
    begin(asked, tmp_path)
    with pytest.raises(Cancelled):
        module._run_once(STUDY, asked, (0, "densenet-121-none"), data, (Context(tmp_path), "", (0, 1)), 1)
    ((found, arguments, taken, warmup),) = seen
    assert sorted(found, reverse=True) == counts
    assert arguments == ({"width": 0.5, "dropout": 0.0} if budget == "small" else {})
    assert (taken, warmup) == (steps, 20 if budget == "small" else 300)


def test_runs_of_older_versions_do_not_tell_their_precision(tmp_path: Path, done: tuple[Path, Any]) -> None:
    run = json.loads((done[0] / "runs" / "07-none.json").read_text())
    write_runs(tmp_path, [run, {key: value for key, value in run.items() if key != "precision"}])
    lines = list(csv.DictReader((tmp_path / "runs.csv").open()))
    assert [line["precision"] for line in lines] == [resolve_precision("auto"), ""]


def test_it_goes_on_and_more_may_be_asked(
    tmp_path: Path, done: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []

    def one(_: object, request: AffectRequest, run: module.Run, *rest: object) -> dict[str, Any]:
        seed, row = run
        runs.append(f"{row} {seed}")
        return json.loads((done[0] / "runs" / "07-none.json").read_text()) | {"row": row, "seed": seed}

    monkeypatch.setattr(module, "_run_once", one)
    (tmp_path / "runs").mkdir()
    for name in ("study.json", "runs/07-none.json"):
        (tmp_path / name).write_bytes((done[0] / name).read_bytes())
    more = SMOKE.model_copy(update={"arms": ("none", "match")})
    found = study(more, Context(tmp_path))
    assert runs == ["match 7"]
    assert {each["row"] for each in found["figures"]} == {"none", "match"}
    with pytest.raises(FormatError, match=r"holds another study \(it differs in steps\)"):
        study(SMOKE.model_copy(update={"steps": 9}), Context(tmp_path))


@pytest.mark.slow
def test_several_processes_do_what_one_does(
    done: tuple[Path, list[tuple[float, str]]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[float] = []
    found = module.run(STUDY, SMOKE, Context(tmp_path, lambda share, _: said.append(share)), 2)
    alone = json.loads((done[0] / "summary.json").read_text())
    assert found["figures"] == alone["figures"]
    assert said[-1] == 1.0
    # an epoch's line, of a score that is one picture's, would say nothing
    assert capfd.readouterr().out == ""
    assert not multiprocessing.active_children()
    assert (tmp_path / "runs.csv").read_text().count("\n") == 4


def test_it_stops_in_the_middle_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    said = ["begin"]
    with pytest.raises(Cancelled):
        study(SMOKE, Context(tmp_path, lambda _, words: said.append(words), lambda: "none" in said[-1]))
    assert {path.name for path in tmp_path.iterdir()} == {"study.json"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": ["nothing"]}, "arms .'nothing'.: expected some of single-expression"),
        ({"budget": "huge"}, "budget: 'huge': expected one of smoke, lesson, small, full"),
        ({"seeds": 0}, "seeds: Input should be greater"),
        ({"epochs": 3}, "epochs: Extra inputs"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        parse("study", changes)


def test_what_is_asked_survives_json() -> None:
    asked = AffectRequest(rows=("both", "none"), seeds=3, action_units=90, data=Path("somewhere"))
    assert parse("study", json.loads(json.dumps(asked.model_dump(mode="json")))).request == asked


def test_results_name_the_data_folder_without_its_path(tmp_path: Path) -> None:
    begin(AffectRequest(data=tmp_path / "faces"), tmp_path)
    assert json.loads((tmp_path / "study.json").read_text())["data"] == "faces"
    assert str(tmp_path) not in (tmp_path / "study.json").read_text()


def _another_machine(patch: pytest.MonkeyPatch) -> str:
    """Makes this one choose the precision that it would not; gives that."""
    other = {MIXED: WHOLE, WHOLE: MIXED}[resolve_precision("auto")]
    patch.setattr("fbn.training.precision.native", lambda: other == MIXED)
    return other


def test_a_folder_keeps_its_precision_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = resolve_precision("auto")
    begin(SMOKE, tmp_path)
    assert _another_machine(monkeypatch) != here
    begin(SMOKE.model_copy(update={"seeds": 2}), tmp_path)
    assert precision_of(tmp_path) == here
    seen: list[str] = []

    def train_once(recipe: Recipe, *rest: object, **named: object) -> None:
        seen.append(recipe.precision)
        raise Cancelled

    monkeypatch.setattr("fbn.training.trial.train_once", train_once)
    with pytest.raises(Cancelled):
        study(SMOKE, Context(tmp_path))
    assert seen == [here]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FbnError, match=r"file/study: the folder cannot be made \(Not a directory"):
        begin(SMOKE, tmp_path / "file" / "study")


def _of_another_version(
    folder: Path, asked: AffectRequest, run: dict[str, Any], changes: dict[str, int], gone: set[str]
) -> None:
    begin(asked, folder)
    for file, told in ((folder / "study.json", None), (folder / "runs" / "07-none.json", run)):
        found = json.loads(file.read_text()) if told is None else told
        write_json(file, {key: found[key] for key in found if key not in gone} | changes)


@pytest.mark.parametrize(
    ("changes", "gone"), [({}, {"precision", "series"}), ({}, {"series"}), ({"series": SERIES + 1}, set())]
)
@pytest.mark.parametrize("real", [False, True])
def test_runs_of_other_versions_are_not_paired_with_new_ones(
    changes: dict[str, int], gone: set[str], real: bool, tmp_path: Path, done: tuple[Path, Any]
) -> None:
    asked = SMOKE.model_copy(update={"arms": ("none",), "data": tmp_path if real else None})
    run = json.loads((done[0] / "runs" / "07-none.json").read_text())
    folder = tmp_path / "older"
    _of_another_version(folder, asked, run, changes, gone)
    # what is finished may be put into tables anew
    begin(asked, folder)
    assert precision_of(folder) == (MIXED if "precision" in gone else resolve_precision("auto"))
    before = (folder / "study.json").read_bytes()
    # the second where the old one is not asked for now: both could be later
    for rows in (SMOKE.arms, ("match",)):
        with pytest.raises(FormatError, match="older was begun with another version of fbn"):
            begin(asked.model_copy(update={"arms": rows}), folder)
    # nor where somebody put a new one beside it, or took the runs away
    write_json(folder / "runs" / "07-match.json", run | {"row": "match"})
    with pytest.raises(FormatError, match="older was begun with another version of fbn"):
        begin(asked.model_copy(update={"arms": ("none", "match")}), folder)
    shutil.rmtree(folder / "runs")
    with pytest.raises(FormatError, match="older was begun with another version of fbn"):
        begin(asked, folder)
    assert (folder / "study.json").read_bytes() == before


def test_what_a_killed_worker_was_writing_is_no_run(tmp_path: Path) -> None:
    begin(SMOKE, tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".07-match.12.tmp.json").write_text("{")
    begin(SMOKE, tmp_path)


@pytest.mark.parametrize("text", ["\0\0", "[]", "{}"])
@pytest.mark.parametrize("name", ["study.json", "runs/07-none.json"])
def test_a_damaged_file_is_named_before_anything_is_trained(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / name).write_text(text)
    before = sorted(tmp_path.rglob("*"))
    words = "holds another study" if (name, text) == ("study.json", "{}") else rf"{Path(name).name}: damaged, not what"
    with pytest.raises(FormatError, match=words):
        study(SMOKE, Context(tmp_path, lambda _, words: pytest.fail(words)))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / name).read_text() == text


def test_arms_are_rows_on_disk_and_in_older_requests() -> None:
    old = {"data": None, "budget": "small", "rows": ["both"], "seeds": 2, "action_units": 40}
    asked = parse("study", old).request
    assert asked == AffectRequest(arms=("both",), seeds=2, action_units=40)
    assert asked.model_dump(mode="json") == old | {"steps": None, "part": "test", "first_seed": 0}


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[AffectRequest, int]] = []

    def stand_in(study: Study, request: AffectRequest, context: Context, workers: int) -> None:
        seen.append((request, workers))
        told = {"difference": 0.1, "low": -0.02, "high": 0.22, "boot_low": 0.0, "boot_high": 0.2, "seeds": 5}
        figure = {"set": "bp4d", "figure": "f1", "filtered": False, "mean": 0.5, "sd": None, "chance": 0.25}
        found = {"figures": [{"row": "both", **figure, "uncoupled": told, "single": None}]}
        write_json(context.folder / "summary.json", found)

    monkeypatch.setattr(module, "run", stand_in)
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")  # no second start
    options = ["--budget", "smoke", "--seeds", "1", "--action-units", "9", "--workers", "1"]
    for name, folder in (("--arms", "new/out"), ("--rows", "old")):
        arms = [name, "none, both", "--out", str(tmp_path / folder)]
        said = CliRunner().invoke(application, ["study", "affect", *options, *arms], env={"COLUMNS": "140"})
        assert said.exit_code == 0, said.output
        assert "+0.100 (-0.020 to +0.220)" in said.output
    assert seen == [(AffectRequest(budget="smoke", arms=("none", "both"), seeds=1, action_units=9), 1)] * 2
    wrong = CliRunner().invoke(application, ["study", "affect", "--data", str(tmp_path / "nowhere")])
    assert isinstance(wrong.exception, MissingFileError)
    wrong = CliRunner().invoke(application, ["study", "affect", "--budget", "huge"])
    assert "budget: 'huge': expected one of smoke, lesson, small, full" in str(wrong.exception)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_the_same_options_and_lists_its_arms(name: str) -> None:
    listed = CliRunner().invoke(application, ["study", name, "--list"], env={"COLUMNS": "140"})
    study = study_of(name)
    assert all(part in listed.output for part in (*study.arms, *study.budgets))
    shown = CliRunner().invoke(application, ["study", name, "--help"], env={"COLUMNS": "140", "NO_COLOR": "1"}).output
    common = "--data --out --budget --arms --seeds --first-seed --steps --part --workers --device --list"
    assert all(option in shown for option in common.split())
    assert study.name == name
