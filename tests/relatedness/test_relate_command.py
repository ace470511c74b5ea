"""``fbn relate``: what it prints and writes, and how it fails."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn.cli import main
from fbn.cli.relate import relate
from fbn.relatedness import Note, RelatednessTable, Versions
from tests.data import trees

DU = RelatednessTable.named("du2014")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))


def run(*arguments: object) -> str:
    done = CliRunner().invoke(relate, [*map(str, arguments)], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def _line(text: str, *parts: str) -> bool:
    """Some line of the text holds all the parts."""
    return any(all(part in line for part in parts) for line in text.splitlines())


def test_show() -> None:
    Versions().save("mine", DU.annotated("fear", 5, Note("A. Coder", why="lids never rose")), 0)
    shown = run("show", "mine")
    assert _line(shown, "fear", "1 4 20 25", "2 (0.57) 5 (0.63) 26 (0.33)")
    assert "Du, Tao & Martinez" in shown
    assert _line(shown, "fear AU5: A. Coder; lids never rose")


def test_diff(tmp_path: Path) -> None:
    edited = DU.edited("fear", 5, None).edited("anger", 9, 1).edited("happiness", 6, 0.9)
    edited.write(tmp_path / "edited.csv")
    printed = run("diff", "du2014", tmp_path / "edited.csv")
    assert _line(printed, "anger", "AU9 nose wrinkler", " 1 ", "added")
    assert _line(printed, "fear", "AU5 upper lid raiser", "0.63", "removed")
    assert _line(printed, "happiness", "AU6 cheek raiser", "0.51", "0.9", "changed")
    assert run("diff", "du2014", "du2014") == "the same cells\n"


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_convert(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"du.{suffix}"
    assert run("convert", "du2014", "-o", path).strip() == str(path)
    assert RelatednessTable.read(path) == DU


def _ckplus(root: Path, people: int = 12) -> Path:
    """Everybody smiles with AU6 and 12, and half of them with AU26; two people three frames each."""
    files: dict[str, bytes | str] = {}
    for person in range(people):
        for frame in range(3 if person < 2 else 1):
            units = "6 12 26" if person % 2 else "6 12"
            files |= trees.ckplus_frame(person + 1, 1, 10 + frame, units, code=5)
    return trees.write(root / "ckplus", files)


def test_infer(tmp_path: Path) -> None:
    _ckplus(tmp_path / "sets")
    path = tmp_path / "found.json"
    printed = run("infer", tmp_path / "sets", "-o", path, "--against", "du2014")
    assert RelatednessTable.read(path).row("happiness") == {6: 1, 12: 1, 26: 0.5}
    assert _line(printed, "happiness", "AU26", "0.50", "6", "12")
    assert "counted: people" in printed
    assert _line(printed, "AU6 cheek raiser", "1.00", "16 of 16")
    # a lip corner puller that all show fits; lips that nobody parts do not
    assert _line(printed, "happiness", "AU25", "1", "0.00", "seen less often")
    assert not _line(printed, "happiness", "AU12", "seen")
    assert "16 images with both labels (ckplus 16)" in printed


def test_infer_by_images_and_support(tmp_path: Path) -> None:
    root = _ckplus(tmp_path)
    printed = run("infer", root, "-o", tmp_path / "found.csv", "--images")
    assert RelatednessTable.read(tmp_path / "found.csv").row("happiness") == {6: 1, 12: 1, 26: 0.5}
    assert _line(printed, "AU12", "16", "16")
    run("infer", root, "-o", tmp_path / "none.csv", "--min-support", "13")
    assert RelatednessTable.read(tmp_path / "none.csv").row("happiness") == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "du2015"), "no relatedness table 'du2015': expected one of affwild2, du2014, rafce"),
        (("diff", "du2014", "none.csv"), "none.csv: no such file"),
        (("convert", "du2014", "-o", "du.xlsx"), "expected a name ending in .csv or .json"),
        (("infer", "nowhere", "-o", "t.json"), "nowhere"),
        (("infer", "nowhere", "-o", "t.xlsx"), ".csv or .json"),
    ],
)
def test_wrong_input_is_one_line_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path, arguments: tuple, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fbn", "relate", *arguments])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 1
    assert said in capsys.readouterr().err
    assert not [p for p in tmp_path.iterdir() if p.is_file()]


def test_a_table_of_people(tmp_path: Path) -> None:
    trees.write(tmp_path / "celeba", trees.celeba({"a.jpg": 7, "b.jpg": 7, "c.jpg": 10}, {"a.jpg": {20}}))
    one, two = tmp_path / "people.csv", tmp_path / "edited.csv"
    printed = run("infer", tmp_path / "celeba", "-o", one, "--rows", "identity", "--min-support", 1)
    assert "2 people; inferred from 3 pictures" in printed
    table = RelatednessTable.read(one)
    assert table.row("7") == {"Male": 0.5}
    table.edited("10", "Young", 0.25).write(two)
    assert _line(run("diff", one, two), "10", "Young", "0.25", "added")
    assert _line(run("show", one), "7", "Male (0.5)")
