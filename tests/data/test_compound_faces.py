"""Crops of labelled pictures: copies, contradictions, unreadable and face-less pictures, memory, disk."""

import errno
import shutil
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from fbn.context import Cancelled
from fbn.data import compound_faces as module
from fbn.data.compound_faces import Faces, read_faces
from fbn.data.crops import aligned
from fbn.errors import FormatError

FACE = astronaut()[:256, 96:352]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path_factory.mktemp("cache")))


def put(root: Path, path: str, picture: np.ndarray) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(root / path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def noise(seed: int, side: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def brighter(by: int) -> np.ndarray:
    return cv2.add(FACE, np.full_like(FACE, by))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    put(root, "awed/a.png", FACE)
    put(root, "awed/b.png", brighter(20))
    put(root, "awed/copy.png", FACE)
    put(root, "hatred/c.png", brighter(40))
    put(root, "hatred/d.png", brighter(60))
    put(root, "awed/d again.png", brighter(60))
    put(root, "hatred/empty.png", noise(0))
    (root / "hatred" / "broken.png").write_bytes((root / "awed" / "a.png").read_bytes()[:2000])
    (root / "hatred" / "nothing.jpg").write_bytes(b"")
    return root


def paths(faces: Faces) -> list[str]:
    return [sample.path for sample in faces.samples]


def test_what_can_be_used_and_what_not(data: Path) -> None:
    faces = read_faces(data)
    assert paths(faces) == ["awed/a.png", "awed/b.png", "hatred/c.png"]
    assert faces.classes == ("awed", "hatred")
    assert faces.labels.tolist() == [0, 0, 1]
    assert (faces.name, faces.layout, faces.test) == ("mine", "folders", None)
    found = faces.coverage
    assert found.found == 9
    assert found.used == {"awed": 2, "hatred": 1}
    assert found.parts == {}
    assert found.faceless == ("hatred/empty.png",)
    assert not found.faceless_kept
    assert found.duplicates == (("awed/copy.png", "awed/a.png"),)
    assert found.contradictory == ((("awed/d again.png", "awed"), ("hatred/d.png", "hatred")),)
    assert [path for path, _ in found.unreadable] == ["hatred/broken.png", "hatred/nothing.jpg"]
    assert all(path in why for path, why in found.unreadable)
    # the one crop
    for sample, row in zip(faces.samples, faces.rows, strict=True):
        picture = cv2.cvtColor(cv2.imread(str(data / sample.path)), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(faces.crops[row], aligned(picture, 16))


def test_pictures_without_a_face_can_be_kept(data: Path) -> None:
    faces = read_faces(data, crops=True)
    assert paths(faces)[-1] == "hatred/empty.png"
    assert faces.coverage.faceless == ("hatred/empty.png",)
    assert faces.coverage.faceless_kept
    np.testing.assert_array_equal(faces.crops[faces.rows[-1]], aligned(noise(0), 16))


def test_a_face_in_a_large_picture_is_found_by_the_detector(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    scene = np.full((512, 900, 3), 200, np.uint8)
    scene[60:316, 560:816] = FACE
    put(root, "awed/scene.png", scene)
    put(root, "awed/face.png", FACE)
    faces = read_faces(root)
    assert faces.coverage.faceless == ()
    one, other = (faces.crops[row].astype(float) for row in faces.rows)
    # Nearer to one another than one is to itself moved by two pixels; no nearer, since of the three squares in which
    # a crop's landmarks are looked for the most face-like answer wins, and all three are sure here. The widest wins by
    # 0.0002, and after its three passes is still turned by 3 degrees from where all of them come to rest.
    apart, moved = (np.abs(one - to)[32:-32, 32:-32].mean() for to in (other, np.roll(one, 2, axis=1)))
    assert apart < moved


def test_looked_at_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_faces(data)
    monkeypatch.setattr(module, "decode_picture", lambda *_: pytest.fail("looked at again"))
    # another label is no other picture
    again = read_faces(data, crops=True)
    np.testing.assert_array_equal(first.crops, again.crops)
    assert first.key == again.key


def test_a_changed_picture_is_looked_at_again(data: Path) -> None:
    before = read_faces(data)
    put(data, "awed/b.png", brighter(30))
    after = read_faces(data)
    assert before.key != after.key
    assert not np.array_equal(before.crops[before.rows[1]], after.crops[after.rows[1]])


def test_a_zip_says_the_same(data: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "mine.zip", "w") as file:
        for path in sorted(data.rglob("*.*")):
            file.write(path, path.relative_to(data).as_posix())
    folder, archive = read_faces(data), read_faces(tmp_path / "mine.zip")
    assert folder.coverage == archive.coverage
    np.testing.assert_array_equal(folder.crops, archive.crops)


def test_copies_across_parts_leave_the_training_one(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    put(root, "test/awed/a.png", FACE)
    put(root, "train/awed/z.png", FACE)
    put(root, "test/awed/b.png", brighter(30))
    faces = read_faces(root)
    assert paths(faces) == ["test/awed/b.png", "train/awed/z.png"]
    assert faces.test is not None
    assert faces.test.tolist() == [True, False]
    assert faces.coverage.parts == {"train": {"awed": 1}, "test": {"awed": 1}}


def test_the_same_picture_saved_anew_is_of_the_same_group(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    put(root, "awed/a.png", FACE)
    put(root, "awed/b.jpg", FACE)
    put(root, "hatred/c.png", FACE[:, ::-1].copy())
    groups = read_faces(root).groups
    assert groups[0] == groups[1] != groups[2]


def test_nothing_usable(tmp_path: Path) -> None:
    put(tmp_path / "mine", "awed/a.png", noise(1))
    with pytest.raises(
        FormatError, match="none of its 1 labelled pictures can be used: 0 unreadable, 1 without a face"
    ):
        read_faces(tmp_path / "mine")


def test_two_classes_with_the_same_pictures(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    for place, shift in enumerate((0, 20, 40)):
        put(root, f"awed/{place}.png", brighter(shift))
    shutil.copytree(root / "awed", root / "hatred")
    with pytest.raises(FormatError, match="3 under two classes"):
        read_faces(root)


def test_ten_thousand_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, count = tmp_path / "mine", 10_000
    for name in ("awed", "hatred"):
        (root / name).mkdir(parents=True)
    for i in range(count):
        pixels = np.full((4, 4, 3), (i % 256, i // 256, 7), np.uint8)
        (root / ("awed", "hatred")[i % 2] / f"{i:05d}.bmp").write_bytes(cv2.imencode(".bmp", pixels)[1].tobytes())
    looked, between = [], []
    monkeypatch.setattr(module, "SIZE", 12)
    monkeypatch.setattr(module, "MARGIN", 2)
    monkeypatch.setattr(module, "_SIDE", 16)
    monkeypatch.setattr(module, "face_in_crop", lambda picture: looked.append(1) or np.float32([[0, 0], [3, 0]]))
    monkeypatch.setattr(module, "align", lambda picture, *_: np.resize(picture, (16, 16, 3)))
    faces = read_faces(root, watch=lambda share: between.append(len(looked)))
    assert (len(looked), len(faces.samples)) == (count, count)
    # few crops are held at a time: all of them are 620 MB
    assert max(np.diff([*between, count])) == 128
    assert isinstance(faces.crops, np.memmap)
    assert len(read_faces(root).samples) == len(looked) == count


def test_a_full_disk_leaves_nothing_half_done(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for where, name in ((module.np.lib.format, "write_array_header_1_0"), (module, "write_json")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, full)
            with pytest.raises(OSError, match="No space left"):
                read_faces(data)
        assert list(module.cache_folder("compound").iterdir()) == []
    assert len(read_faces(data).samples) == 3


def test_it_stops_when_asked(data: Path) -> None:
    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_faces(data, watch=stop)
    assert list(module.cache_folder("compound").iterdir()) == []
