"""Saved tables: nothing is overwritten, whoever saves second is told, and what was deleted comes back."""

import multiprocessing
from pathlib import Path

import pytest

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.relatedness import ConflictError, RelatednessTable, Versions, resolve

DU = RelatednessTable.named("du2014")
EDITED = DU.edited("fear", 5, None)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "tables")


def test_versions_are_kept_in_order(versions: Versions) -> None:
    assert versions.names() == ()
    assert versions.newest("mine") == 0
    assert versions.save("mine", DU, 0, "as published") == 1
    assert versions.save("mine", EDITED, 1) == 2
    assert versions.names() == ("mine",)
    assert [(v.name, v.number, v.note) for v in versions.history("mine")] == [
        ("mine", 1, "as published"),
        ("mine", 2, ""),
    ]
    assert versions.load("mine") == EDITED
    assert versions.load("mine", 1) == DU
    assert versions.load("mine").provenance == EDITED.provenance
    first, second = versions.history("mine")
    assert first.saved <= second.saved
    assert first.saved.utcoffset() is not None


def test_who_saves_second_is_told_and_loses_nothing(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    versions.save("mine", EDITED, 1)
    with pytest.raises(ConflictError, match="version 2 of 'mine' was saved meanwhile, the edit began from version 1"):
        versions.save("mine", DU, 1)
    with pytest.raises(ConflictError, match=r"version 2 .* a new name"):
        versions.save("mine", DU, 0)
    assert versions.load("mine") == EDITED
    assert versions.newest("mine") == 2


def _race(folder: str, barrier, results) -> None:
    barrier.wait()
    try:
        results.put(Versions(Path(folder)).save("mine", DU, 1))
    except ConflictError:
        results.put(None)


def test_of_processes_that_save_at_once_one_wins(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_race, args=(str(versions.folder), barrier, results)) for _ in range(4)]
    for racer in racers:
        racer.start()
    won = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert sorted(won, key=str) == [2, None, None, None]


def test_a_writer_that_checked_too_early_does_not_replace(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    versions.save("mine", DU, 0)
    late = Versions(versions.folder)
    monkeypatch.setattr(late, "newest", lambda name: 1)
    versions.save("mine", EDITED, 1)
    with pytest.raises(ConflictError):
        late.save("mine", DU, 1)
    assert versions.load("mine", 2) == EDITED


def test_revert_is_a_new_version(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    versions.save("mine", EDITED, 1)
    with pytest.raises(ConflictError):
        versions.revert("mine", 1, base=1)
    assert versions.revert("mine", 1) == 3
    assert versions.load("mine") == DU
    assert versions.load("mine", 2) == EDITED
    assert versions.history("mine")[-1].note == "back to version 1"


def test_duplicate(versions: Versions) -> None:
    versions.duplicate("du2014", "mine")
    versions.save("mine", EDITED, 1)
    assert versions.duplicate("mine", "copy") == 1
    assert versions.load("copy") == EDITED
    assert [v.note for n in ("mine", "copy") for v in versions.history(n)] == ["copy of du2014", "", "copy of mine@2"]
    with pytest.raises(ConflictError):
        versions.duplicate("mine", "copy")


def test_delete_and_its_undo(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    token = versions.delete("mine")
    assert versions.names() == ()
    with pytest.raises(MissingFileError, match="'mine'"):
        versions.load("mine")
    versions.restore(token)
    assert versions.load("mine") == DU
    with pytest.raises(MissingFileError):
        versions.restore(token)


def test_an_edit_of_a_deleted_table_does_not_land_on_its_successor(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    token = versions.delete("mine")
    with pytest.raises(ConflictError, match="'mine' was deleted meanwhile"):
        versions.save("mine", EDITED, 1)
    number = versions.save("mine", EDITED, 0)
    assert number == 2
    with pytest.raises(ConflictError):
        versions.save("mine", DU, 1)
    with pytest.raises(ConflictError, match="in use again"):
        versions.restore(token)
    assert versions.load("mine") == EDITED


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "ä", "a.json", "x" * 61, ".deleted"])
def test_impossible_names(versions: Versions, name: str) -> None:
    with pytest.raises(FormatError, match="expected 1 to 60 letters"):
        versions.save(name, DU, 0)


@pytest.mark.parametrize("name", ["du2014", "DU2014"])
def test_built_in_names_are_taken(versions: Versions, name: str) -> None:
    with pytest.raises(FormatError, match="built-in"):
        versions.save(name, DU, 0)


def test_unknown_numbers_and_damaged_files_are_named(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    with pytest.raises(MissingFileError, match="no version 7 of 'mine'; its newest is 1"):
        versions.load("mine", 7)
    with pytest.raises(MissingFileError, match="no version 0"):
        versions.load("mine", 0)
    for text in ("{", "[]", '{"note": ""}', '{"saved": "today", "note": "", "table": {}}'):
        (versions.folder / "mine" / "0001.json").write_text(text)
        with pytest.raises(FormatError, match=r"mine/0001\.json: expected a saved table"):
            versions.history("mine")
    (versions.folder / "mine" / "0001.json").write_text(
        '{"saved": "2026-01-01", "note": "", "table": {"rows": {"fear": {"AU01": 2}}}}'
    )
    with pytest.raises(FormatError, match=r"mine/0001\.json: fear, AU01 = 2"):
        versions.load("mine")


def test_foreign_files_are_passed_over(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    (versions.folder / "stray.txt").write_text("")
    (versions.folder / "empty").mkdir()
    (versions.folder / "mine" / "notes.txt").write_text("")
    assert versions.names() == ("mine",)
    assert len(versions.history("mine")) == 1


def test_what_cannot_be_written_leaves_nothing(versions: Versions) -> None:
    versions.folder.parent.joinpath("tables").write_text("a file where the folder should be")
    with pytest.raises(FbnError, match="the folder cannot be made"):
        versions.save("mine", DU, 0)


def test_a_save_leaves_one_file(versions: Versions) -> None:
    versions.save("mine", DU, 0)
    assert [p.name for p in (versions.folder / "mine").iterdir()] == ["0001.json"]


def test_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    Versions().save("mine", DU, 0)
    Versions().save("mine", EDITED, 1)
    DU.edited("anger", 9, 1).write(tmp_path / "file.csv")
    assert (tmp_path / "tables" / "mine" / "0002.json").is_file()
    assert resolve("du2014") == DU
    assert resolve("mine") == EDITED
    assert resolve("mine@1") == DU
    assert resolve(str(tmp_path / "file.csv")).row("anger")[9] == 1
    with pytest.raises(MissingFileError, match="'yours': expected one of affwild2, du2014, rafce, mine"):
        resolve("yours")
    with pytest.raises(MissingFileError, match="no version 9"):
        resolve("mine@9")
    with pytest.raises(MissingFileError, match=r"none\.csv: no such file"):
        resolve("none.csv")
    with pytest.raises(MissingFileError, match="expected one of"):
        resolve("mine@")
