"""Studies as Markdown tables, by the command."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.errors import FormatError
from fbn.studies.read import StudyResult, differences
from tests.ui.studied import make


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return StudyResult.read(make(tmp_path_factory.mktemp("study") / "scarce"))


def test_studies_as_markdown_tables(studied: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plenty = make(tmp_path / "plenty", action_units=2400, rows=("none", "both"))

    def table(*options: str) -> list[list[str]]:
        said = CliRunner().invoke(application, ["study", "table", *options])
        assert said.exit_code == 0, said.output
        return [line.strip("| ").split(" | ") for line in said.output.splitlines()]

    head, _, *lines = table(str(studied.folder), "--figures", "bp4d/f1,affwild2/ccc_valence/filtered")
    assert head == ["row", "BP4D · AU F1", "Aff-Wild2 · valence CCC (filtered)"]
    assert [line[0] for line in lines] == ["match", "both"]
    own = studied.figures[studied.figures["key"] == "bp4d/f1"].set_index("arm", drop=False)
    told = differences(own, "uncoupled").at["both", "interval"]
    assert lines[1][1] == f"▲ {told}"
    _, _, *lines = table(str(studied.folder), "--figures", "bp4d/f1", "--against", "means", "--rows", "none,both")
    assert lines == [[arm, f"{own.at[arm, 'mean']:.3f} ± {own.at[arm, 'sd']:.3f}"] for arm in ("none", "both")]
    _, _, *lines = table(str(studied.folder), "--figures", "bp4d/f1", "--rows", "both", "--interval", "bootstrap")
    drawn = differences(own, "uncoupled", bootstrapped=True).at["both", "interval"]
    assert lines == [["both", f"▲ {drawn}"]]
    assert drawn != told
    head, _, *lines = table(str(studied.folder), str(plenty))
    assert head == ["study", "both"]
    assert lines[1][0] == "plenty: 2,400 AU pictures, EmotioNet · AU F1"
    (tmp_path / "other").mkdir()
    again = shutil.copytree(plenty, tmp_path / "other" / "plenty")
    head, _, *lines = table(str(plenty), str(again))
    assert [line[0].partition(": 2,400 ")[0] for line in lines] == [str(plenty), str(again)]
    for wrong, why in (
        (["--figures", "affwild2/ccc_valence/filterd"], "no figure affwild2/ccc_valence/filterd"),
        (["--figures", "bp4d/f2"], "no figure bp4d/f2: expected one of"),
        (["--rows", "nothing"], "no rows nothing: it has"),
        (["--against", "means", "--interval", "bootstrap"], "means have no interval"),
    ):
        said = CliRunner().invoke(application, ["study", "table", str(plenty), *wrong])
        assert isinstance(said.exception, FormatError)
        assert why in str(said.exception)
    head, _, *lines = table(str(studied.folder), "--figures", "bp4d/f1", "--each", "--rows", "match,both")
    assert head == ["name", "match", "both"]
    told = differences(studied.details[studied.details["key"] == "bp4d/f1"], "uncoupled").set_index(["arm", "name"])
    match, both = (told.at[(arm, "AU1"), "interval"] for arm in ("match", "both"))
    assert lines[0] == ["AU1", f"○ {match}", f"▲ {both}"]
    assert lines[2] == ["AU14", *2 * ["○ +0.000 (+0.000 to +0.000)"]]
    head, _, *lines = table(str(plenty), "--figures", "rafdb/recall", "--each", "--against", "means")
    assert head == ["name", "none", "both"]
    assert lines[1] == ["fear", "0.300 ± 0.000", "0.300 ± 0.000"]
    for wrong, why in (
        (["--each"], "--each: expected one study, and one of its --figures"),
        (["--each", "--figures", "bp4d/auc"], "no single values of bp4d/auc: expected one of"),
        (
            ["--each", "--figures", "bp4d/f1", "--against", "single-task"],
            "these rows have no differences against single-task of bp4d/f1",
        ),
        (["--each", "--figures", "bp4d/f1", "--interval", "bootstrap"], "have no bootstrap interval"),
    ):
        said = CliRunner().invoke(application, ["study", "table", str(plenty), *wrong])
        assert isinstance(said.exception, FormatError)
        assert why in str(said.exception)
    several = CliRunner().invoke(
        application, ["study", "table", str(plenty), str(studied.folder), "--figures", "a/b,c/d"]
    )
    assert isinstance(several.exception, FormatError)
