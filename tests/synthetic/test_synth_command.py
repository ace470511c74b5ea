"""fbn synth: a set is there whole or not at all; what the command says and refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.relatedness import RelatednessTable
from fbn.synthetic.layouts import LAYOUTS, Item, read_world, world_of, write_set

TABLE = RelatednessTable.named("du2014")


class TestWholeOrNothing:
    def test_a_seed_repeats_byte_for_byte(self, tmp_path: Path):
        def files(folder: str, seed: int) -> dict[str, bytes]:
            write_set("ferplus", tmp_path / folder, world_of("ferplus", TABLE, seed), 3)
            root = tmp_path / folder
            return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}

        first, again, other = files("a", 1), files("b", 1), files("c", 2)
        assert first == again
        assert all(first[path] != other[path] for path in first if path.endswith(".png"))

    def test_what_stops_it_leaves_nothing(self, tmp_path: Path):
        def stop(items: Iterator[Item]) -> Iterator[Item]:
            yield next(items)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_set("rafdb", tmp_path / "set", world_of("rafdb", TABLE), 3, stop)
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_folder_is_filled_and_a_full_one_left_alone(self, tmp_path: Path):
        world = world_of("rafdb", TABLE)
        (tmp_path / "set").mkdir()
        write_set("rafdb", tmp_path / "set", world, 1)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(FormatError, match="set: expected an empty folder, or none"):
            write_set("rafdb", tmp_path / "set", world, 2)
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_place_where_no_folder_can_be_made_is_told(self, tmp_path: Path):
        (tmp_path / "file").touch()
        with pytest.raises(FbnError, match="file: the folder cannot be made"):
            write_set("rafdb", tmp_path / "file" / "set", world_of("rafdb", TABLE), 1)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "expected JSON"),
            ("[]", "expected an object with fbn, layout, count and world"),
            ('{"world": {"seed": 1}}', "world: expected an object with exactly table, seed, domain, settings"),
        ],
    )
    def test_a_world_that_cannot_be_read_back_is_named(self, tmp_path: Path, text: str, message: str):
        with pytest.raises(MissingFileError, match=r"world\.json: no such file"):
            read_world(tmp_path)
        (tmp_path / "world.json").write_text(text)
        with pytest.raises(FormatError, match=rf"world\.json: {message}"):
            read_world(tmp_path)


class TestCommand:
    def run(self, *arguments: object):
        return CliRunner().invoke(application, ["synth", *map(str, arguments)])

    def test_help_names_every_layout(self):
        text = " ".join(CliRunner().invoke(application, ["synth", "--help"], env={"COLUMNS": "200"}).output.split())
        assert all(name in text for name in LAYOUTS)

    def test_another_table(self, tmp_path: Path):
        table = TABLE.edited("happiness", 12, None).edited("happiness", 9, 1.0)
        table.write(tmp_path / "mine.csv")
        out = tmp_path / "set"
        result = self.run("rafdb", "--out", out, "--count", 1, "--table", tmp_path / "mine.csv")
        assert result.exit_code == 0, result.output
        assert read_world(out).table == table
        assert RelatednessTable.read(out / "table.json") == table

    def test_refusals(self, tmp_path: Path):
        unknown = self.run("lfw", "--out", tmp_path / "x")
        assert isinstance(unknown.exception, FormatError)
        assert "lfw: expected one of affwild2" in str(unknown.exception)
        no_rows = self.run("rafdb-compound", "--out", tmp_path / "x", "--table", "affwild2")
        assert isinstance(no_rows.exception, FormatError)
        assert self.run("rafdb", "--out", tmp_path / "x", "--count", 0).exit_code == 2
        assert not (tmp_path / "x").exists()
