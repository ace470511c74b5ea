"""``fbn relate compare``: what it asks for and what it writes; the comparison itself is tested beside this."""

import csv
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.context import Context
from fbn.errors import FormatError, MissingFileError
from fbn.relatedness import RelatednessTable
from fbn.studies import tables as module
from fbn.studies.tables_request import TablesRequest

DU = RelatednessTable.named("du2014")


def run_of(arm: str, seed: int, f1: float) -> dict[str, Any]:
    units = {"AU5": f1, "AU12": 0.9}
    chance = {"held-out/accuracy": 0.2}
    cells, true = {"fear AU5": 0.1 + 0.5 * (arm == "base")}, {"fear AU5": 0.05}
    own = {"cells": cells, "true": true, "chance_units": {"AU5": 0.3, "AU12": 0.25}}
    figures, details = {"held-out/accuracy": 0.8}, {"held-out/f1": units}
    return {"row": arm, "seed": seed, "figures": figures, "details": details, "chance": chance, **own}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TablesRequest]:
    """Comparisons asked for; instead of training, F1 of AU5 is 0.5 with the first table and 0.6, 0.8 with the other."""
    seen: list[TablesRequest] = []

    def stand_in(parameters: TablesRequest, context: Context) -> dict[str, Any]:
        seen.append(parameters)
        context.report(0.5, "training")
        pairs = [(run_of("base", seed, 0.5), run_of("edited", seed, f1)) for seed, f1 in enumerate((0.6, 0.8))]
        return module.conclude(parameters, context.folder, [run for pair in pairs for run in pair], {})

    monkeypatch.setattr(module, "compare", stand_in)
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")  # no second start
    return seen


def test_differences_are_printed_and_written(tmp_path: Path, asked: list[TablesRequest]) -> None:
    file, out = tmp_path / "mine.json", tmp_path / "new" / "out"
    DU.edited("fear", 5, None).write(file)
    said = CliRunner().invoke(
        application, ["relate", "compare", "du2014", str(file), "--seeds", "2", "-o", str(out)], env={"COLUMNS": "120"}
    )
    assert said.exit_code == 0, said.output
    (one,) = asked
    assert (one.base, one.edited, one.truth, one.data) == (DU, RelatednessTable.read(file), None, None)
    assert (one.names, one.limits.seeds, one.recipe.name) == (("du2014", "mine"), 2, "coupled")
    table = {row["figure"]: row for row in csv.DictReader((out / "differences.csv").open())}
    assert list(table) == ["F1 of changed AUs", "AU5", "AU12", "accuracy"]
    changed = table["F1 of changed AUs"]
    assert [float(changed[name]) for name in ("base", "edited", "difference")] == [0.5, 0.7, 0.2]
    # t interval of 0.1 and 0.3: 0.2 -+ 12.7062 * 0.1414 / sqrt(2)
    assert [float(changed[name]) for name in ("sd", "low", "high")] == [0.1414, -1.0706, 1.4706]
    assert [row["changed"] for row in table.values()] == ["True", "True", "False", "False"]
    assert "-1.071 to +1.471" in said.output
    assert "fear AU5: active in 5% of the pictures, predicted in 60% with du2014, 10% with mine" in said.output


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("du2014", "du2014"), FormatError, "equal in every cell"),
        (("du2014", "affwild2", "--data", "nowhere"), MissingFileError, "nowhere: no such folder"),
        (("du2014", "affwild2", "--data", ".", "--truth", "du2014"), FormatError, "not made by a table"),
        (("du2014", "affwild2", "--recipe", "smook"), FormatError, "no recipe 'smook'"),
    ],
)
def test_mistakes_are_told(
    tmp_path: Path, asked: list[TablesRequest], arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    said = CliRunner().invoke(application, ["relate", "compare", *arguments, "-o", str(tmp_path / "out")])
    assert isinstance(said.exception, error)
    assert words in str(said.exception)
    assert not asked
    assert not (tmp_path / "out").exists()
