"""The studies that ship: what was planned, nothing else, and figures that another library finds too."""

import hashlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from fbn.cli import application
from fbn.resources import shipped
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS, SINGLE
from fbn.studies.beside import alike, read_all, situations
from fbn.studies.committed import committed, folder_of
from fbn.studies.read import StudyResult
from fbn.studies.summary import SIDES

FOLDER = shipped(folder_of("affect"))
#: Written out: a row that is added later was not in these studies.
TASKS = ("single-expression", "single-au", "single-va", "none", "co", "soft", "match", "both", "all")
SMALL = (
    *TASKS,
    *("co.inferred", "soft.inferred", "match.inferred", "both.inferred", "both.affwild2", "match-printed"),
    *("match-cross-entropy", "match-soft-target", "match-mean", "match-weights", "match-to-units"),
    *("match-to-expressions", "soft-target", "soft-sharp", "both-third", "both-triple", "both-late"),
)
ON_DATA = {"data": Path("data")}
FEW = ("single-au", "none", "co", "both")
BODIES = tuple(f"{name}-{end}" for name in ("vgg-face", "resnet-50", "densenet-121") for end in ("none", "both"))
#: As in PLAN.md; ``architectures`` has more seeds than planned, ``architectures-180`` another name (NOTE.md).
PLANNED = {
    "scarce": AffectRequest(action_units=40, rows=SMALL),
    "scarcity-160": AffectRequest(action_units=160, rows=FEW),
    "scarcity-640": AffectRequest(action_units=640, rows=FEW),
    "plenty": AffectRequest(action_units=2400, rows=(*TASKS, "both-third")),
    "real": AffectRequest(**ON_DATA, rows=SMALL),
    "real-scarce": AffectRequest(**ON_DATA, action_units=60, rows=TASKS),
    "architectures": AffectRequest(**ON_DATA, rows=BODIES, seeds=5),
    "architectures-180": AffectRequest(**ON_DATA, rows=("none", *BODIES), seeds=5, steps=180),
    "scarce-400": AffectRequest(action_units=40, rows=FEW),
    "real-400": AffectRequest(**ON_DATA, rows=FEW),
}
SINGLES = [name for name, arm in ARMS.items() if arm.part_of == SINGLE]


def test_what_was_planned_ships_and_nothing_else() -> None:
    assert {name for name, _ in committed("affect")} == set(PLANNED)


@pytest.mark.parametrize("name", PLANNED)
def test_a_study_is_the_planned_one_whole(name: str) -> None:
    result, planned = StudyResult.read(FOLDER / name), PLANNED[name]
    assert result.request == planned.model_dump(mode="json")
    runs = result.runs
    assert sorted(zip(runs["seed"].astype(int), runs["row"], strict=True)) == sorted(planned.runs)
    assert runs["git_sha"].nunique() == 1
    # of a budget's own steps the name tells where they are those of today; before, all rows had as many
    steps = planned.steps or (planned.limits.steps if name.endswith(f"-{planned.limits.steps}") else 600)
    assert set(runs["steps"]) == {str(steps)}
    assert not list(FOLDER.glob("*/runs"))


@pytest.mark.parametrize("name", PLANNED)
def test_means_and_intervals_are_those_that_scipy_finds(name: str) -> None:
    result = StudyResult.read(FOLDER / name)
    for figure in result.figures.itertuples():
        own = values(result, [figure.arm] if figure.arm != SINGLE else SINGLES, figure.key)
        assert figure.mean == pytest.approx(np.mean(list(own.values())), abs=2e-5)
        baselines = {"uncoupled": [ARMS[figure.arm].baseline] if figure.arm in ARMS else [], "single": SINGLES}
        for side in SIDES:
            difference, low, high, count = (
                getattr(figure, f"{side}_{part}") for part in ("difference", "low", "high", "seeds")
            )
            if np.isnan(difference):
                continue
            base = values(result, baselines[side], figure.key)
            seeds = sorted(own.keys() & base.keys())
            test = stats.ttest_rel([own[s] for s in seeds], [base[s] for s in seeds])
            reach = test.confidence_interval(0.95)
            assert count == len(seeds)
            # both sides of each difference are rounded to five places
            assert difference == pytest.approx(np.mean([own[s] - base[s] for s in seeds]), abs=3e-5)
            assert (low, high) == pytest.approx((reach.low, reach.high), abs=1e-4)


def values(result: StudyResult, arms: list[str], key: str) -> dict[float, float]:
    runs = result.runs[result.runs["row"].isin(arms)]
    return dict(runs.set_index("seed")[key].dropna())


def test_every_table_of_the_note_is_what_its_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / "NOTE.md").read_text("utf-8")
    found = re.findall(r"^    (fbn study table .+)\n\n((?:\|.+\n)+)", text, flags=re.MULTILINE)
    assert len(found) == text.count("fbn study table ") > 4
    monkeypatch.chdir(FOLDER)
    for command, table in found:
        said = CliRunner().invoke(application, shlex.split(command)[1:])
        assert said.exit_code == 0, command
        assert said.output == table, command


def test_every_other_table_is_what_it_was_before_it_came_from_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    folders = [path.parent.name for path in sorted(FOLDER.glob("*/summary.json"))]
    for command, digest in (
        (["scarce"], "0a3cae4512298f72"),
        (["scarce", "--against", "single-task", "--interval", "bootstrap"], "ebca6511602f17f1"),
        (["real", "--against", "means"], "200c40f37db3a564"),
        (["architectures-180", "--each", "--figures", "ckplus/f1"], "e091def46fbb443d"),
        (["real-400", "--each", "--figures", "ckplus/f1", "--against", "single-task"], "415222e1b5b2a411"),
        (["scarce", "real", "--against", "means", "--rows", "none,both,single-task"], "83b337c241304c29"),
        (folders, "20b25ba856152886"),
    ):
        said = CliRunner().invoke(application, ["study", "table", *command])
        assert hashlib.sha256(said.output.encode()).hexdigest()[:16] == digest, command


def test_what_took_other_steps_stands_not_beside() -> None:
    every = read_all(sorted(FOLDER.glob("*/")))
    ladder = alike(StudyResult.read(FOLDER / "scarce"), every)
    assert [own.folder.name for own in ladder] == ["scarce", "scarcity-160", "scarcity-640", "plenty"]
    assert [own.folder.name for own in alike(StudyResult.read(FOLDER / "scarce-400"), every)] == ["scarce-400"]


def test_where_coupling_pays_is_told_of_all_that_were_coupled_so() -> None:
    found = situations(read_all(sorted(FOLDER.glob("*/"))), ["both", "all"])
    assert set(found["study"]) == {"scarce", "plenty", "real", "real-scarce"}
    told = found.set_index(["aspect", "study", "arm"])
    unseen, units = "Expressions not trained on", "Action units"
    assert told.loc[(unseen, "real", "all"), ["key", "interval"]].to_list() == [
        "ckplus-expressions/mean_diagonal",
        "+0.102 (+0.088 to +0.117)",
    ]
    assert told.loc[(units, "scarce", "both"), "interval"] == "+0.096 (+0.055 to +0.137)"
    assert told.loc[(units, "real", "both"), "verdict"] == "worse"
    # what differs by its steps alone is told apart
    alone = situations(read_all(sorted(FOLDER.glob("*/"))), ["both"])
    assert not alone.duplicated(["aspect", "situation"]).any()
