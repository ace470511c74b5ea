"""What is written: whole or not at all, by one run at a time; to look for a folder makes none."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fbn import locks
from fbn.context import alone_in
from fbn.errors import FbnError
from fbn.resources import cache_folder, data_folder, make_folder, whole_file

ROOT = Path(__file__).resolve().parents[1]


def test_looking_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, look in (("FBN_CACHE", cache_folder), ("FBN_HOME", data_folder)):
        monkeypatch.setenv(name, str(tmp_path / name))
        assert look("a", "b") == tmp_path / name / "a" / "b"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["FBN_CACHE", "FBN_HOME"])
def test_a_folder_that_cannot_be_made_says_what_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(name, str(tmp_path / "file" / "none"))
    look = {"FBN_CACHE": cache_folder, "FBN_HOME": data_folder}[name]
    with pytest.raises(FbnError, match=rf"none/a: the folder cannot be made \(Not a directory\); set {name} to"):
        make_folder(look("a"))
    with pytest.raises(FbnError, match=f"set {name} to"), whole_file(look("a") / "file"):
        pass


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    with whole_file(path) as unfinished:
        unfinished.write_text("old")
        assert not path.exists()
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    with pytest.raises(TypeError), whole_file(path) as unfinished, unfinished.open("w") as file:
        file.writelines(["half of the ne", None])  # type: ignore[list-item]
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_several_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    path, both = tmp_path / "table.csv", threading.Barrier(2)

    def write(text: str) -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text(text)
            both.wait(60)
            assert unfinished.read_text() == text

    threads = [threading.Thread(target=write, args=(letter * 9,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in ("a" * 9, "b" * 9)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "file.csv")
    with whole_file(tmp_path / "link.csv") as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "file.csv").read_text() == "new"


def test_errors_name_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=r"No space left on device: '.*table\.csv'"), whole_file(tmp_path / "table.csv"):
        raise OSError(28, "No space left on device")
    with pytest.raises(IsADirectoryError, match="it is a folder"), whole_file(tmp_path):
        pass
    (tmp_path / "table.csv").write_text("old")
    monkeypatch.setattr(os, "access", lambda path, how: False)  # nothing is closed to root
    with pytest.raises(PermissionError, match=r"it is read-only: '.*table\.csv'"), whole_file(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").read_text() == "old"


def test_a_lock_on_a_file_that_was_renamed_meanwhile_is_none(tmp_path: Path) -> None:
    first = locks.take(tmp_path / "part")
    assert first is not None
    assert locks.take(tmp_path / "part") is None
    (tmp_path / "part").rename(tmp_path / "done")
    second = locks.take(tmp_path / "part")
    assert second is not None
    for descriptor in (first, second):
        os.close(descriptor)


def test_a_folder_is_one_runs_at_a_time(tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"):
        with pytest.raises(FbnError, match="run: another run is writing there"), alone_in(tmp_path / "run"):
            pass
        (tmp_path / "run" / "result").touch()
    with alone_in(tmp_path / "run"):
        assert (tmp_path / "run" / "result").exists()
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path / "other"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_command_line_tells_what_the_system_refuses(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    words = ["relate", "convert", "du2014", "-o", str(tmp_path / "folder.json")]
    code = "from fbn import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path / 'folder.json'}: it is a folder, expected the name of a file\n"
