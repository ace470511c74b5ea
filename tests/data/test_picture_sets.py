"""PictureSets of pictures on disk: labels with undo, two hands at once, uploads that are refused."""

import csv
import errno
import io
import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from fbn.data import picture_sets, set_uploads
from fbn.data.compound import read_labels
from fbn.data.picture_sets import Incoming, PictureSet, PictureSets
from fbn.data.set_labels import STEPS, SetError
from fbn.data.set_uploads import add_uploads, create_from_uploads
from fbn.errors import FbnError, FormatError

CLASSES = ("happily surprised", "sadly angry")


def png(shade: int = 99, side: int = 24) -> bytes:
    return cv2.imencode(".png", np.full((side, side, 3), shade, np.uint8))[1].tobytes()


def upload(name: str, contents: bytes) -> Incoming:
    return name, lambda: contents


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return packed.getvalue()


@pytest.fixture
def sets(tmp_path: Path) -> PictureSets:
    return PictureSets(tmp_path / "compound")


@pytest.fixture
def chosen(sets: PictureSets) -> PictureSet:
    """Three pictures to label."""
    made, added = create_from_uploads(sets, "mine", CLASSES, [upload(f"{i}.png", png(i)) for i in range(3)])
    assert added.names == ("0.png", "1.png", "2.png")
    return made


def test_labels_are_on_disk_as_training_reads_them(chosen: PictureSet):
    chosen.labels.put({"0.png": "happily surprised"})
    chosen.labels.put({"2.png": "sadly angry"})
    with (chosen.folder / "labels.csv").open() as file:
        assert list(csv.reader(file)) == [["file", "class"], ["0.png", "happily surprised"], ["2.png", "sadly angry"]]
    found = read_labels(chosen.source)
    assert [(sample.path, sample.compound) for sample in found.samples] == list(chosen.labels.read().items())
    assert [(row.path, row.reason) for row in found.rejected] == [("1.png", "no label")]


def test_undo_and_redo_outlive_whoever_labelled(sets: PictureSets, chosen: PictureSet):
    chosen.labels.put({"0.png": "happily surprised"})
    chosen.labels.put({"0.png": "sadly angry"})
    chosen.labels.put({"1.png": "sadly angry"})
    later = sets.open("mine").labels
    assert later.undo() == "1.png"
    assert later.undo() == "0.png"
    assert later.read() == {"0.png": "happily surprised"}
    assert later.redo() == "0.png"
    assert later.read() == {"0.png": "sadly angry"}
    later.put({"2.png": "happily surprised"})
    assert later.redo() is None
    assert [later.undo() for _ in range(4)] == ["2.png", "0.png", "0.png", None]
    assert later.read() == {}


def test_the_same_label_again_is_no_step(chosen: PictureSet):
    chosen.labels.put({"0.png": "sadly angry"})
    chosen.labels.put({"0.png": "sadly angry"})
    assert len(chosen.labels.history().past) == 1


def test_two_who_label_at_once_lose_nothing(sets: PictureSets, chosen: PictureSet):
    chosen.add((f"more-{i}.png", lambda i=i: png(i)) for i in range(40))

    def half(first: int) -> None:
        own = sets.open("mine").labels
        for i in range(first, 40, 2):
            own.put({f"more-{i}.png": CLASSES[first]})

    threads = [threading.Thread(target=half, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chosen.labels.read() == {f"more-{i}.png": CLASSES[i % 2] for i in range(40)}


def test_a_full_disk_leaves_the_labels_as_they_were(chosen: PictureSet, monkeypatch: pytest.MonkeyPatch):
    chosen.labels.put({"0.png": "sadly angry"})

    def full(self: Path, *args: object, **how: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(SetError, match="no space is left on the disk"):
            chosen.labels.put({"1.png": "sadly angry"})
    assert chosen.labels.read() == {"0.png": "sadly angry"}
    chosen.labels.put({"1.png": "sadly angry"})
    assert len(chosen.labels.read()) == 2


def test_a_damaged_file_of_labels_is_told_by_line_and_damaged_steps_are_forgotten(chosen: PictureSet):
    (chosen.folder / "labels.csv").write_text("file,class\n0.png,sadly angry\n0.png,happily surprised\n")
    with pytest.raises(FormatError, match=r"labels\.csv: line 3"):
        chosen.labels.read()
    (chosen.folder / "labels.csv").write_text("file,class\n0.png,sadly angry\n")
    (chosen.folder / STEPS).write_text("{")
    assert chosen.labels.undo() is None
    assert chosen.labels.read() == {"0.png": "sadly angry"}


def test_a_zip_of_folders_brings_its_labels_and_can_be_relabelled(sets: PictureSets):
    packed = zipped(
        **{
            "set/Happily_Surprised/a.png": png(1),
            "set/Happily_Surprised/b.png": png(2),
            "set/sadly angry/a.png": png(3),
            "__MACOSX/set/._a.png": b"x",
            "set/notes.txt": b"hello",
        }
    )
    made, added = create_from_uploads(sets, "mine", ("x", "y"), [upload("set.zip", packed)])
    assert made.classes == CLASSES
    assert made.data is None
    assert added.names == ("a.png", "b.png", "a (2).png")
    assert made.labels.read() == {"a.png": CLASSES[0], "b.png": CLASSES[0], "a (2).png": CLASSES[1]}
    assert made.labels.undo() is None
    assert (made.folder / "a (2).png").read_bytes() == png(3)


def test_a_zip_with_a_test_part_stays_as_it_is(sets: PictureSets):
    files = {f"{part}/{name}/{i}.png": png(i) for part in ("train", "test") for name in CLASSES for i in range(2)}
    made, _ = create_from_uploads(sets, "mine", (), [upload("set.zip", zipped(**files))])
    assert made.data == made.folder / "data.zip"
    found = read_labels(made.source)
    assert sorted(sample.part for sample in found.samples) == ["test"] * 4 + ["train"] * 4
    assert made.files() == []


def test_a_flat_zip_has_nothing_but_pictures(sets: PictureSets):
    made, added = create_from_uploads(
        sets, "mine", CLASSES, [upload("flat.zip", zipped(**{"a.png": png(), "b.jpg": png()}))]
    )
    assert (made.classes, added.names, made.labels.read()) == (CLASSES, ("a.png", "b.jpg"), {})


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"PK, but no zip", "cannot be read as a zip"),
        (zipped(**{"../../up.png": png()}), "would lie outside"),
        (zipped(**{"/etc/up.png": png()}), "would lie outside"),
        (zipped(**{"c:\\up.png": png()}), "would lie outside"),
        (zipped(**{"bomb.png": bytes(5_000_000)}), "as no picture does"),
        (zipped(**{"notes.txt": b"hello"}), r"no picture in it \(1 .txt\)"),
        (zipped(), "no picture in it"),
    ],
)
def test_a_hostile_or_useless_zip_is_refused_in_words_and_leaves_nothing(
    sets: PictureSets, tmp_path: Path, contents: bytes, words: str
):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FbnError, match=words) as refused:
        create_from_uploads(sets, "mine", CLASSES, [upload("set.zip", contents)])
    assert str(refused.value).startswith("set.zip: ")
    assert sets.names() == []
    assert sorted(tmp_path.rglob("*")) == before


def test_an_encrypted_or_damaged_zip_is_refused(sets: PictureSets, chosen: PictureSet):
    whole = zipped(**{"a.png": png(side=200)})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.infolist()[0].header_offset
    locked = bytearray(whole)
    locked[place + 6] |= 1
    locked[whole.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(FormatError, match="encrypted"):
        add_uploads(chosen, [upload("set.zip", bytes(locked))])
    broken = bytearray(whole)
    broken[place + 60] ^= 0xFF
    with pytest.raises(FormatError, match=r"set\.zip: a\.png is damaged"):
        add_uploads(chosen, [upload("set.zip", bytes(broken))])
    assert len(chosen.files()) == 3


def test_too_many_and_too_large_are_refused_or_left_out(sets: PictureSets, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(set_uploads, "MAX_PICTURES", 2)
    monkeypatch.setattr(picture_sets, "MAX_PICTURES", 2)
    three = {f"{i}.png": png() for i in range(3)}
    with pytest.raises(FormatError, match="3 pictures"):
        create_from_uploads(sets, "zip", CLASSES, [upload("set.zip", zipped(**three))])
    with pytest.raises(SetError, match="at most 2 pictures"):
        create_from_uploads(sets, "one", CLASSES, [upload(name, contents) for name, contents in three.items()])
    assert len(sets.open("one").files()) == 2
    monkeypatch.setattr(picture_sets, "MAX_PICTURE_BYTES", len(png()))
    _, added = create_from_uploads(
        sets, "two", CLASSES, [upload("a.png", png()), upload("b.png", png() + b"x"), upload("c.png", b"")]
    )
    assert added.names == ("a.png",)
    assert [why.split(":")[0] for why in added.rejected] == ["b.png", "c.png"]


def test_names_cannot_lead_out_or_hide(sets: PictureSets, chosen: PictureSet):
    added = add_uploads(
        chosen, [upload(name, png()) for name in ("../../up.png", "/x/0.png", ".hidden.png", "a,b\n.png")]
    )
    assert added.names == ("up.png", "0 (2).png", "a-b-.png")
    assert added.rejected[0].startswith(".hidden.png: not a picture")
    for name in ("..", "a/b", "", "x" * 61, ".deleted-x"):
        with pytest.raises(SetError):
            sets.create(name, CLASSES)


def test_a_set_is_put_aside_and_comes_back(sets: PictureSets, chosen: PictureSet):
    chosen.labels.put({"0.png": "sadly angry"})
    token = sets.delete("mine")
    assert sets.names() == []
    create_from_uploads(sets, "mine", CLASSES, [upload("other.png", png())])
    assert sets.restore(token) == "mine-2"
    assert sets.open("mine-2").labels.read() == {"0.png": "sadly angry"}


def test_classes_change_but_never_leave_labels_behind(sets: PictureSets, chosen: PictureSet):
    chosen.labels.put({"0.png": "sadly angry"})
    chosen.with_classes(["Sadly_Angry", "awed", "happily surprised"])
    assert sets.open("mine").classes == ("sadly angry", "awed", "happily surprised")
    with pytest.raises(SetError, match="sadly angry: pictures are still labelled so"):
        chosen.with_classes(["awed", "appalled"])
    for impossible in (["awed"], ["a,b", "c"], ["", "c"], ["x" * 61, "c"]):
        with pytest.raises(SetError):
            chosen.with_classes(impossible)


def test_a_set_that_points_at_a_folder_never_touches_it(sets: PictureSets, tmp_path: Path):
    folder = tmp_path / "theirs"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").write_bytes(png())
    made = sets.create("pointed", CLASSES, str(folder))
    assert made.source == folder
    sets.delete("pointed")
    assert len(list(folder.rglob("*.png"))) == 2


def test_a_damaged_set_is_told(sets: PictureSets, chosen: PictureSet):
    (chosen.folder / "set.json").write_text("[]")
    with pytest.raises(FormatError, match=r"set\.json: expected classes and data"):
        sets.open("mine")
