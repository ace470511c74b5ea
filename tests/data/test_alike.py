"""Photographs found again under other files: drawn twins cut, shrunk, compressed, mirrored, masked."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

from fbn.cli.data import data as commands
from fbn.data.alike import ALIKE, find_twins, structure, without_twins
from fbn.data.corpus import Corpus, load_corpus
from fbn.data.crops import aligned
from fbn.relatedness import RelatednessTable
from fbn.synthetic.render import render
from fbn.synthetic.world import World
from tests.data import trees


def photograph(number: int) -> np.ndarray:
    """[256, 256, 3], the astronaut (0) or another drawn person for each number above."""
    if number == 0:
        return np.ascontiguousarray(astronaut()[0:256, 90:346])
    return render(World(RelatednessTable.named("du2014")).draw(number).face, 256).image


def again(picture: np.ndarray, how: str) -> np.ndarray:
    """The same photograph as another collection might have it."""
    if how == "cut tighter":
        return picture[14:246, 10:240]
    if how == "small and gray":
        small = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if how == "compressed":
        return cv2.imdecode(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 30))[1], cv2.IMREAD_COLOR)
    if how == "mirrored":
        return np.ascontiguousarray(picture[:, ::-1])
    if how == "darker":
        return (picture * 0.6).astype(np.uint8)
    return picture


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("how", ["cut tighter", "small and gray", "compressed", "mirrored", "darker"])
def test_a_photograph_is_known_again_and_another_is_not(how: str) -> None:
    original = photograph(7)
    other = again(original, how)
    crops = [aligned(original), aligned(other)]
    if how == "mirrored":
        crops[1] = crops[1][:, ::-1]
    one, two = structure(np.stack(crops))
    assert one @ two > ALIKE
    strangers = structure(np.stack([aligned(photograph(number)) for number in range(7)]))
    assert (strangers @ one).max() < ALIKE - 0.1


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """FER+ whose training part holds a picture of its test part and of ExpW's, both at other sizes."""
    people = [photograph(number) for number in range(8)]
    rows = [f"Training,fer{i}.png,10,0,0,0,0,0,0,0,0,0" for i in range(4)]
    rows += ["PublicTest,fer9.png,0,10,0,0,0,0,0,0,0,0"]
    files = trees.ferplus(rows)
    for i in range(3):
        files[f"FER2013Train/fer{i}.png"] = png(people[i])
    files["FER2013Train/fer3.png"] = png(again(people[7], "small and gray"))
    files["FER2013Valid/fer9.png"] = png(again(people[0], "mirrored"))
    trees.write(tmp_path / "data" / "ferplus", files)
    files = trees.expw([f"{i}.webp 0 0 0 256 256 9 3" for i in range(5)])
    for i in range(5):
        files[f"image/{i}.webp"] = png(people[3 + i])
    trees.write(tmp_path / "data" / "expw", files)
    return tmp_path / "data"


def without(corpus: Corpus, part: str, *paths: str) -> tuple[str, ...]:
    return tuple(s.path for s in corpus.samples[part] if s.path not in paths)


def test_nothing_measured_is_trained_on_whatever_its_file(data: Path) -> None:
    ferplus, expw = load_corpus(data, ("ferplus",)), load_corpus(data, ("expw",))
    everything = {part: expw.samples[part] for part in ("train", "valid")} | {"test": expw.samples["test"]}
    # whichever part the split gave it to: here all of ExpW is measured on
    held = Corpus(expw.names, {"train": (), "valid": (), "test": sum(everything.values(), ())})
    kept = without_twins(ferplus, held)
    gone = ("FER2013Train/fer0.png", "FER2013Train/fer3.png")
    assert {s.path for s in kept.samples["train"]} == set(without(ferplus, "train", *gone))
    assert kept.samples["test"] == ferplus.samples["test"]
    assert kept.cut == ferplus.samples
    pairs = {tuple(sorted(s.path for _, s in pair.members)) for pair in find_twins([ferplus, held])}
    assert pairs == {
        ("FER2013Train/fer0.png", "FER2013Valid/fer9.png"),
        ("FER2013Train/fer3.png", "image/4.webp"),
    }
    # from the cache the same
    assert without_twins(ferplus, held) == kept


def test_the_command_lists_them(data: Path) -> None:
    done = CliRunner().invoke(commands, ["twins", str(data)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "FER2013Train/fer0.png" in done.output
    assert "FER2013Valid/fer9.png" in done.output
