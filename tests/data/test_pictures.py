"""Reading files and pictures from a folder or a zip."""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fbn.data.pictures import list_files, read_bytes, read_file, read_picture
from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.records import Annotations, Sample
from tests.data import trees


def sample(root: Path, path: str) -> Sample:
    return Sample("x", str(root), path, Annotations.empty())


def read_all(job: tuple[Path, list[str]]) -> list[bytes]:
    return [read_bytes(sample(job[0], path)) for path in job[1]]


@pytest.mark.parametrize("zipped", [False, True])
class TestFolderAndZip:
    def test_files_and_bytes(self, tmp_path: Path, zipped: bool):
        root = trees.write(tmp_path / "x", {"a/b.txt": "one", "c.txt": "two"}, zipped)
        assert list_files(root) == {"a/b.txt", "c.txt"}
        assert read_file(root, "a/b.txt") == b"one"

    def test_what_systems_leave_is_not_listed(self, tmp_path: Path, zipped: bool):
        left = ("._c.txt", ".DS_Store", "a/._b.txt", "a/Thumbs.db", "__MACOSX/._c.txt", "__MACOSX/c.txt", "desktop.ini")
        root = trees.write(tmp_path / "x", {"a/b.txt": "one", "c.txt": "two", **dict.fromkeys(left, "x")}, zipped)
        assert list_files(root) == {"a/b.txt", "c.txt"}

    @pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
    def test_sixteen_bits_are_scaled_by_those_they_use(self, tmp_path: Path, zipped: bool, bits: int):
        gray = np.arange(240, dtype=np.uint8).reshape(12, 20) + 16
        deep = np.rint(gray * ((2**bits - 1) / 255)).astype(np.uint16)
        files = {f"a{suffix}": cv2.imencode(suffix, deep)[1].tobytes() for suffix in (".png", ".tif")}
        root = trees.write(tmp_path / "x", files, zipped)
        for path in files:
            assert (read_picture(sample(root, path)) == gray[..., None]).all(), path

    @pytest.mark.parametrize("form", ["GIF", "AVIF", "QOI", "JPEG2000"])
    def test_what_users_give_is_read_in_data_sets_too(self, tmp_path: Path, zipped: bool, form: str):
        packed = BytesIO()
        Image.new("RGB", (64, 48), (200, 100, 40)).save(packed, form)
        root = trees.write(tmp_path / "x", {"a": packed.getvalue()}, zipped)
        assert np.abs(read_picture(sample(root, "a")).astype(int) - [200, 100, 40]).max() <= 4

    def test_what_is_not_there_is_named(self, tmp_path: Path, zipped: bool):
        root = trees.write(tmp_path / "x", {"c.txt": "two"}, zipped)
        with pytest.raises(MissingFileError, match=r"a/b\.txt"):
            read_file(root, "a/b.txt")
        with pytest.raises(MissingFileError, match="expected a folder or a zip"):
            list_files(tmp_path / "nothing")

    def test_colour_is_rgb(self, tmp_path: Path, zipped: bool):
        red = np.zeros((4, 6, 3), np.uint8)
        red[..., 2] = 200
        root = trees.write(tmp_path / "x", {"red.png": cv2.imencode(".png", red)[1].tobytes()}, zipped)
        picture = read_picture(sample(root, "red.png"))
        assert picture.dtype == np.uint8
        assert (picture == [200, 0, 0]).all()

    def test_gray_stands_in_three_channels(self, tmp_path: Path, zipped: bool):
        gray = np.arange(24, dtype=np.uint8).reshape(4, 6)
        root = trees.write(tmp_path / "x", {"gray.png": cv2.imencode(".png", gray)[1].tobytes()}, zipped)
        assert (read_picture(sample(root, "gray.png")) == gray[..., None]).all()

    @pytest.mark.parametrize("data", [b"", b"no picture", trees.picture()[:30]])
    def test_an_unreadable_picture_is_named(self, tmp_path: Path, zipped: bool, data: bytes):
        root = trees.write(tmp_path / "x", {"a/broken.png": data}, zipped)
        with pytest.raises(FormatError, match=r"a/broken\.png cannot be read as a picture"):
            read_picture(sample(root, "a/broken.png"))


class TestFolder:
    def test_linked_folders_are_listed(self, tmp_path: Path):
        trees.write(tmp_path / "elsewhere", {"b.txt": "one"}, False)
        root = trees.write(tmp_path / "x", {"c.txt": "two"}, False)
        (root / "a").symlink_to(tmp_path / "elsewhere")
        (root / "again").symlink_to(root)
        assert list_files(root) == {"a/b.txt", "c.txt"}
        assert read_file(root, "a/b.txt") == b"one"

    def test_what_may_not_be_read_is_an_error_that_says_so(self, tmp_path: Path):
        root = trees.write(tmp_path / "x", {"a/b.png": trees.picture(), "c.png": trees.picture()}, False)
        (root / "c.png").chmod(0)
        if os.access(root / "c.png", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(FbnError, match=r"c\.png: cannot be read \(Permission denied\)"):
            read_picture(sample(root, "c.png"))
        (root / "a").chmod(0)
        with pytest.raises(FbnError, match=r"a: cannot be read \(Permission denied\)"):
            list_files(root)
        (root / "a").chmod(0o700)


class TestZip:
    @pytest.fixture
    def archive(self, tmp_path: Path) -> tuple[Path, dict[str, bytes]]:
        files: dict[str, bytes | str] = {f"{i}.png": trees.picture() for i in range(200)}
        return trees.write(tmp_path / "x", files, zipped=True), files

    def test_a_damaged_member_is_named(self, tmp_path: Path):
        picture = trees.picture()
        root = trees.write(tmp_path / "x", {"a.png": picture}, zipped=True)
        data = root.read_bytes()
        root.write_bytes(data.replace(picture, picture[:-1] + bytes([picture[-1] ^ 255])))
        with pytest.raises(FormatError, match=r"a\.png is damaged"):
            read_file(root, "a.png")

    def test_threads_share_it(self, archive: tuple[Path, dict[str, bytes]]):
        root, files = archive
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda path: read_file(root, path), files)) == list(files.values())

    def test_forked_workers_do_not_share_a_position(self, archive: tuple[Path, dict[str, bytes]]):
        root, files = archive
        read_file(root, "0.png")
        with multiprocessing.get_context("fork").Pool(4) as pool:
            for contents in pool.map(read_all, [(root, list(files))] * 8, chunksize=1):
                assert contents == list(files.values())
