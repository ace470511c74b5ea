"""The studies that ship: what was planned, nothing else, and figures that another library finds too."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from fbn.cli import application
from fbn.resources import shipped
from fbn.studies import scarcity as study_scarcity
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS, SINGLE
from fbn.studies.measure import FILTERED
from fbn.studies.read import COMMITTED, Studied, committed
from fbn.studies.records import Figure

FOLDER = shipped(COMMITTED)
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
    assert {name for name, _ in committed()} == set(PLANNED)


@pytest.mark.parametrize("name", PLANNED)
def test_a_study_is_the_planned_one_whole(name: str) -> None:
    studied, planned = Studied.read(FOLDER / name), PLANNED[name]
    assert studied.summary.study == planned.model_dump(mode="json")
    lines = studied.runs
    assert sorted((int(line["seed"]), line["row"]) for line in lines) == sorted(planned.runs)
    assert len({line["git_sha"] for line in lines}) == 1
    # of a budget's own steps the name tells where they are those of today; before, all rows had as many
    steps = planned.steps or (planned.limits.steps if name.endswith(f"-{planned.limits.steps}") else 600)
    assert {line["steps"] for line in lines} == {str(steps)}
    assert not list(FOLDER.glob("*/runs"))


@pytest.mark.parametrize("name", PLANNED)
def test_means_and_intervals_are_those_that_scipy_finds(name: str) -> None:
    studied = Studied.read(FOLDER / name)
    for figure in studied.summary.figures:
        own = values(studied, [figure.row] if figure.row != SINGLE else SINGLES, figure)
        assert figure.mean == pytest.approx(np.mean(list(own.values())), abs=2e-5)
        for difference, rows in (
            (figure.uncoupled, [ARMS[figure.row].baseline] if figure.row in ARMS else []),
            (figure.single, SINGLES),
        ):
            if difference is None:
                continue
            base = values(studied, rows, figure)
            seeds = sorted(own.keys() & base.keys())
            test = stats.ttest_rel([own[s] for s in seeds], [base[s] for s in seeds])
            reach = test.confidence_interval(0.95)
            assert difference.seeds == len(seeds)
            # both sides of each difference are rounded to five places
            assert difference.difference == pytest.approx(np.mean([own[s] - base[s] for s in seeds]), abs=3e-5)
            assert (difference.low, difference.high) == pytest.approx((reach.low, reach.high), abs=1e-4)


def values(studied: Studied, rows: list[str], figure: Figure) -> dict[str, float]:
    column = "/".join((figure.set, figure.figure, *([FILTERED] if figure.filtered else [])))
    return {line["seed"]: float(line[column]) for line in studied.runs if line["row"] in rows and line.get(column)}


def test_every_table_of_the_note_is_what_its_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / "NOTE.md").read_text("utf-8")
    found = re.findall(r"^    (fbn study table .+)\n\n((?:\|.+\n)+)", text, flags=re.MULTILINE)
    assert len(found) == text.count("fbn study table ") > 4
    monkeypatch.chdir(FOLDER)
    for command, table in found:
        said = CliRunner().invoke(application, shlex.split(command)[1:])
        assert said.exit_code == 0, command
        assert said.output == table, command


def test_what_took_other_steps_stands_not_beside() -> None:
    ladder = study_scarcity.alike(Studied.read(FOLDER / "scarce"), sorted(FOLDER.glob("*/")))
    assert [own.folder.name for own in ladder] == ["scarce", "scarcity-160", "scarcity-640", "plenty"]
    short = Studied.read(FOLDER / "scarce-400")
    assert [own.folder.name for own in study_scarcity.alike(short, sorted(FOLDER.glob("*/")))] == ["scarce-400"]
