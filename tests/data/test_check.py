"""``fbn data check``: what it counts and how it fails."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from fbn.cli.data import data as commands
from fbn.data.check import examine, locate, tables
from fbn.data.sources import SOURCES
from fbn.errors import FormatError, MissingFileError
from tests.data import trees
from tests.data.test_sources import TREES

PICTURES = (".jpg", ".png", ".webp")


def run(*arguments: object):
    return CliRunner().invoke(commands, ["check", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    rows = [
        "Training,fer0000000.png,10,0,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,0,10,0,0,0,0,0,0,0,0",
        "PublicTest,fer0000002.png,10,0,0,0,0,0,0,0,0,0",
        "Training,fer0000003.png,1,0,0,0,0,0,0,0,9,0",
    ]
    files = trees.ferplus(rows)
    files["FER2013Valid/fer0000002.png"] = files["FER2013Train/fer0000000.png"]
    return trees.write(tmp_path / "ferplus", files)


class TestLocate:
    def test_a_set_by_its_layout(self, ferplus: Path):
        assert locate(ferplus) == [("ferplus", ferplus)]

    def test_every_set_of_a_folder(self, ferplus: Path):
        zipped = trees.write(ferplus.parent / "celeba", trees.celeba({"1.jpg": 7}), zipped=True)
        assert locate(ferplus.parent) == [("ferplus", ferplus), ("celeba", zipped)]

    def test_a_set_by_name(self, ferplus: Path):
        assert locate(ferplus.parent, "ferplus") == locate(ferplus, "ferplus") == [("ferplus", ferplus)]

    def test_unknown_names_and_empty_places_are_refused(self, tmp_path: Path):
        with pytest.raises(FormatError, match="--set lfw: expected one of ferplus"):
            locate(tmp_path, "lfw")
        with pytest.raises(MissingFileError, match="nowhere: expected a folder or a zip"):
            locate(tmp_path / "nowhere")
        with pytest.raises(FormatError, match="found none"):
            locate(tmp_path)


class TestTables:
    def test_attributes_are_counted(self, tmp_path: Path):
        files = trees.celeba({"1.jpg": 7, "2.jpg": 7}, {"1.jpg": {39}})
        text = self.text("celeba", trees.write(tmp_path / "celeba", files))
        assert self.row(text, "Young") == ["2", "1", "0.500"]

    def text(self, name: str, root: Path) -> str:
        console = Console(width=200)
        with console.capture() as capture:
            for table in tables(examine(name, root)):
                console.print(table)
        return capture.get()

    def row(self, text: str, label: str) -> list[str]:
        """The cells beside the one first cell that holds the label."""
        rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
        (found,) = [cells for first, *cells in rows if label in first]
        return found

    def test_ferplus(self, ferplus: Path):
        text = self.text("ferplus", ferplus)
        assert "ferplus: 3 samples, 1 rejected" in text
        assert self.row(text, "released: train")[0] == "2"
        assert self.row(text, "split: test")[0] == "0"
        assert self.row(text, "happiness")[0] == "1"
        assert self.row(text, "pictures across parts")[0] == "1"
        assert self.row(text, "dropped as duplicates")[0] == "1"
        assert self.row(text, "most votes on unknown") == ["1", "line 5, FER2013Train/fer0000003.png"]

    def test_ferplus_private_test_is_no_duplicate(self, tmp_path: Path):
        rows = [f"{u},fer{i}.png,10,0,0,0,0,0,0,0,0,0" for i, u in enumerate(("PublicTest", "PrivateTest"))]
        text = self.text("ferplus", trees.write(tmp_path / "ferplus", trees.ferplus(rows)))
        assert self.row(text, "released: private")[0] == "1"
        assert self.row(text, "split: test")[0] == "1"
        assert self.row(text, "dropped as duplicates")[0] == "0"

    def test_brackets_in_names_are_shown(self, tmp_path: Path):
        rows = ["Training,[red]a.png,1,0,0,0,0,0,0,0,9,0"]
        rows += [f"Training,[b]{i}.png,10,0,0,0,0,0,0,0,0,0" for i in range(2)]
        files = trees.ferplus(rows)
        files["FER2013Train/[b]1.png"] = files["FER2013Train/[b]0.png"]
        text = self.text("ferplus", trees.write(tmp_path / "ferplus", files))
        assert self.row(text, "most votes on unknown")[1] == "line 2, FER2013Train/[red]a.png"
        example = self.row(text, "across parts")
        assert example[0] == "0"
        assert "FER2013Train/[b]0.png = FER2013Train/[b]1.png" in text

    def test_affectnet(self, tmp_path: Path):
        rows = [trees.affectnet_row("a.jpg", 1, 0.5, 0.1), trees.affectnet_row("b.jpg", 7, -0.9, -2)]
        text = self.text("affectnet", trees.write(tmp_path / "affectnet", trees.affectnet(rows)))
        assert self.row(text, "released: all") == ["2", "-", "1 (1 missing)", "-", "1 (1 missing)"]
        assert self.row(text, "mean") == ["+0.500", "+0.100"]
        assert self.row(text, "+0.50 to +0.75") == ["1", "0"]

    def test_ckplus(self, tmp_path: Path):
        files = (
            trees.ckplus_frame(5, 1, 1) | trees.ckplus_frame(5, 1, 8, "12", 5) | trees.ckplus_frame(5, 1, 9, "12", 5)
        )
        text = self.text("ckplus", trees.write(tmp_path / "ckplus", files))
        assert self.row(text, "AU12 Lip") == ["3", "2", "0.667", "1"]
        assert self.row(text, "released: all")[1] == "1"

    def test_compound_expressions(self, tmp_path: Path):
        files = trees.rafdb(["train_0001.jpg 3", "train_0002.jpg 1", "test_0001.jpg 3"], prefix="compound/")
        text = self.text("rafdb-compound", trees.write(tmp_path / "x", files))
        assert [self.row(text, "sadly fearful")[i] for i in (0, 3)] == ["2", "1"]
        assert self.row(text, "happily surprised")[0] == "1"
        assert self.row(text, "not annotated")[0] == "0"

    @pytest.mark.parametrize("name", SOURCES)
    def test_a_set_without_pictures_is_told(self, tmp_path: Path, name: str):
        trees_ = {
            "ferplus": trees.ferplus(["PrivateTest,fer0.png,10,0,0,0,0,0,0,0,0,0"], missing=("fer0.png",)),
            "affectnet": {"Manually_annotated.csv": trees.AFFECTNET_HEADER},
            "ckplus": {"cohn-kanade-images/odd.png": b""},
            "celeba": trees.celeba({}),
        }
        files = trees_.get(name) or {path: data for path, data in TREES[name].items() if not path.endswith(PICTURES)}
        # these two refuse a folder without any frames
        if name in ("disfa", "bp4d"):
            files["Frames/other.txt"] = ""
        assert f"{name}: 0 samples" in self.text(name, trees.write(tmp_path / name, files))

    @pytest.mark.parametrize("name", SOURCES)
    def test_every_set_is_examined(self, tmp_path: Path, name: str):
        assert f"{name}: 1 samples, 0 rejected" in self.text(name, trees.write(tmp_path / name, TREES[name]))


class TestCommand:
    def test_success(self, ferplus: Path):
        result = run(ferplus)
        assert result.exit_code == 0
        assert "ferplus: 3 samples, 1 rejected" in result.output

    def test_a_departure_fails_in_one_line_and_other_sets_are_still_checked(self, ferplus: Path):
        files = trees.celeba({"1.jpg": 7}) | {"identity_CelebA.txt": "1.jpg\n"}
        trees.write(ferplus.parent / "celeba", files)
        result = run(ferplus.parent)
        assert result.exit_code == 1
        assert "ferplus: 3 samples" in result.output
        assert "identity_CelebA.txt, line 1: 0 values, expected a name and 1" in result.output
        assert "Traceback" not in result.output

    def test_an_unreadable_picture_fails_and_is_named(self, ferplus: Path):
        (ferplus / "FER2013Train/fer0000001.png").write_bytes(b"text")
        result = run(ferplus)
        assert result.exit_code == 1
        assert "fer0000001.png cannot be read as a picture" in result.output

    def test_brackets_in_errors_are_shown(self, tmp_path: Path):
        rows = ["Training,[red]a.png,10,0,0,0,0,0,0,0,0,0"]
        root = trees.write(tmp_path / "[b]sets" / "ferplus", trees.ferplus(rows))
        (root / "FER2013Train/[red]a.png").write_bytes(b"text")
        assert "[b]sets/ferplus: FER2013Train/[red]a.png cannot be read" in run(root).output.replace("\n", "")
        (root / "fer2013new.csv").write_text("Usage\n")
        assert "[b]sets/ferplus: fer2013new.csv, line 1" in run(root).output.replace("\n", "")
