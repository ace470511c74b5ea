"""Labelled pictures of compound expressions: three layouts, folders and zips, and what is refused."""

import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest

from fbn.data import compound
from fbn.data.compound import class_name, read_labels
from fbn.errors import FormatError, MissingFileError

BYTES = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def tree(root: Path, *paths: str, **texts: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(BYTES)
    for name, text in texts.items():
        (root / f"{name}.csv").write_text(text)
    return root


def zipped(root: Path, top: str = "") -> Path:
    archive = root.with_suffix(".zip")
    with ZipFile(archive, "w") as file:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            file.write(path, f"{top}{path.relative_to(root).as_posix()}")
    return archive


def labels(root: Path) -> dict[str, str]:
    return {sample.path: sample.compound for sample in read_labels(root).samples}


def test_a_folder_a_class(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "mine",
        "sadly angry/b.JPG",
        "Happily_Surprised/deep/a.png",
        "smirk/c.webp",
        "loose.png",
        ".DS_Store",
        "__MACOSX/sadly angry/b.png",
        "sadly angry/notes.txt",
    )
    found = read_labels(root)
    assert found.layout == "folders"
    assert {s.path: s.compound for s in found.samples} == {
        "Happily_Surprised/deep/a.png": "happily surprised",
        "sadly angry/b.JPG": "sadly angry",
        "smirk/c.webp": "smirk",
    }
    # the vocabulary's order, then names
    assert found.classes == ("happily surprised", "sadly angry", "smirk")
    assert [(r.path, r.reason) for r in found.rejected] == [("loose.png", "no label")]
    assert all(s.part == "" for s in found.samples)
    # a zip, and one with the folder on top, say the same
    assert labels(zipped(root)) == labels(root)
    assert labels(zipped(root, "mine/")) == {f"mine/{path}": own for path, own in labels(root).items()}


def test_pictures_of_a_kind_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "awed/a.png", "awed/IMG_1.HEIC", "hatred/b.jfif", "hatred/c.avif", "hatred/d.txt")
    found = read_labels(root)
    assert [s.path for s in found.samples] == ["awed/a.png", "hatred/b.jfif", "hatred/c.avif"]
    assert [(r.path, r.reason) for r in found.rejected] == [
        ("awed/IMG_1.HEIC", "of a kind that cannot be read; save it as JPEG")
    ]


def test_folders_of_parts(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "train/awed/a.png", "val/awed/b.png", "Test/hatred/c.png")
    found = read_labels(root)
    assert {s.path: (s.part, s.compound) for s in found.samples} == {
        "train/awed/a.png": ("train", "awed"),
        "val/awed/b.png": ("train", "awed"),
        "Test/hatred/c.png": ("test", "hatred"),
    }


def test_one_class_is_no_wrapper(tmp_path: Path) -> None:
    assert set(labels(tree(tmp_path / "mine", "awed/a.png", "awed/b.png")).values()) == {"awed"}


def test_a_csv(tmp_path: Path) -> None:
    text = "file,class\na.png,Happily surprised\nb.png,awed\ngone.png,awed\nc.png,\n"
    root = tree(tmp_path / "mine", "a.png", "images/b.png", "c.png", "d.png", labels=text)
    found = read_labels(root)
    assert found.layout == "csv"
    assert labels(root) == {"a.png": "happily surprised", "images/b.png": "awed"}
    assert [(r.path, r.line, r.reason) for r in found.rejected] == [
        ("gone.png", 4, "picture not present"),
        ("c.png", 5, "no class"),
        ("d.png", 0, "no label"),
    ]
    assert labels(zipped(root, "top/")) == {"top/a.png": "happily surprised", "top/images/b.png": "awed"}


@pytest.mark.parametrize(
    "text",
    [
        "file;class\r\na.png;awed\r\nsub/b.JPG;hatred\r\n",
        "\ufeffFile,Class\na.png,awed\nsub/b.JPG,hatred\n",
        "image\tlabel\tage\na.png\tawed\t30\nsub/b.JPG\thatred\t31\n",
        "class,file name\nawed,a.png\nhatred,sub/b.JPG\n",
        "a.png,awed\nsub/b.JPG,hatred\n",
        "file,class\n./a.PNG, Awed \nsub\\b.jpg,hatred\n",
        "file,class\na,awed\nSUB/B,hatred\n",
        "file,class\nC:\\pictures\\mine\\a.png,awed\n/home/me/mine/sub/b.jpg,hatred\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_csv_as_people_make_it(tmp_path: Path, text: str, encoding: str) -> None:
    root = tree(tmp_path / "mine", "a.png", "sub/b.JPG")
    (root / "Labels.csv").write_bytes(text.encode(encoding))
    assert labels(root) == {"a.png": "awed", "sub/b.JPG": "hatred"}
    assert labels(zipped(root)) == labels(root)


def test_where_no_row_can_be_used_the_first_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "a.png", labels="file,class\nb.png,awed\nc.png,awed\n")
    with pytest.raises(FormatError, match=r"none of its 2 rows can be used, line 2: b\.png: picture not present"):
        read_labels(root)


def test_names_that_macos_spells_otherwise_are_found(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "u\u0308.png", labels="file,class\n\u00fc.png,awed\n")
    assert labels(root) == {"u\u0308.png": "awed"}


def test_a_name_that_may_be_several_is_not_guessed(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "a.png", "a.jpg", "b.png", labels="file,class\na,awed\nb,awed\n")
    found = read_labels(root)
    assert labels(root) == {"b.png": "awed"}
    assert found.rejected[0].reason == "may be any of a.jpg, a.png"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"picture of,mood\na.png,awed\n", "line 1: expected a header file,class but found 'picture of,mood'"),
        ("file,class\na.png,Ärger\n".encode("latin-1"), "line 2: expected UTF-8 text"),
        (b"file,class\na.png\n", "line 2 .a.png.: 1 cells, expected 2"),
    ],
)
def test_a_csv_that_cannot_be_meant_is_named_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    root = tree(tmp_path / "mine", "a.png")
    (root / "labels.csv").write_bytes(content)
    with pytest.raises(FormatError, match=f"labels.csv, {words}"):
        read_labels(root)


def test_emotionet(tmp_path: Path) -> None:
    root = tree(tmp_path / "e", "images/x.jpg", emotionet_classes="file,class\nx.jpg,happiness\n")
    assert labels(root) == {"images/x.jpg": "happiness"}


def test_a_csv_cannot_name_files_outside(tmp_path: Path) -> None:
    tree(tmp_path, "secret.png")
    root = tree(tmp_path / "mine", "a.png", labels="file,class\na.png,awed\n../secret.png,awed\n/etc/passwd,awed\n")
    assert labels(root) == {"a.png": "awed"}


def test_a_row_twice_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "mine", "a.png", labels="file,class\na.png,awed\na.png,hatred\n")
    with pytest.raises(FormatError, match=r"labels.csv, line 3: a.png listed before, on line 2"):
        read_labels(root)


def test_rafdb(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "raf",
        "compound/Image/aligned/train_00001_aligned.jpg",
        "compound/Image/aligned/test_0001_aligned.jpg",
    )
    (root / "compound" / "EmoLabel").mkdir()
    (root / "compound" / "EmoLabel" / "list_patition_label.txt").write_text("train_00001.jpg 1\ntest_0001.jpg 11\n")
    for place in (root, root / "compound", zipped(root), tmp_path):
        found = read_labels(place)
        assert found.layout == "rafdb-compound"
        assert found.classes == ("happily surprised", "disgustedly surprised")
        assert sorted(s.part for s in found.samples) == ["test", "train"]
    shutil.move(zipped(root, "raf/"), tmp_path / "deep.zip")
    with pytest.raises(FormatError, match="at the top of the zip"):
        read_labels(tmp_path / "deep.zip")


def test_nothing_usable_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_labels(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="no labelled picture; expected RAF-DB's compound layout"):
        read_labels(tmp_path / "empty")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(FormatError, match=r"text\.zip: expected a folder or a zip"):
        read_labels(tmp_path / "text.zip")


@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/abs/x.png", "C:/x.png", "a\\..\\x.png"])
def test_zips_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr("awed/a.png", BYTES)
        file.writestr(name, BYTES)
    with pytest.raises(FormatError, match=f"{re.escape(repr(name))} leads out"):
        read_labels(tmp_path / "bad.zip")


@pytest.mark.parametrize(
    ("limit", "words"),
    [("MAX_FILES", "3 files"), ("MAX_BYTES", "bytes, expected at most 2"), ("MAX_TOTAL", "bytes unpacked")],
)
def test_zips_beyond_the_limits_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, words: str
) -> None:
    archive = zipped(tree(tmp_path / "mine", "awed/a.png", "awed/b.png", "hatred/c.png"))
    monkeypatch.setattr(compound, limit, 2)
    with pytest.raises(FormatError, match=words):
        read_labels(archive)


def test_too_many_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compound, "MAX_PICTURES", 1)
    with pytest.raises(FormatError, match="2 pictures, expected at most 1"):
        read_labels(tree(tmp_path / "mine", "awed/a.png", "hatred/b.png"))


def test_names_of_classes() -> None:
    assert class_name(" Happily_ Surprised ") == "happily surprised"
    assert class_name("sadly-angry") == "sadly angry"
