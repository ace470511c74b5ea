"""Writers: what they write, their set's adapter reads back; missing labels too; a set is there whole or not at all."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fbn import __version__
from fbn.cli import application
from fbn.data.check import examine
from fbn.data.pictures import read_picture
from fbn.data.sources import SOURCES, SourceReading, detect
from fbn.data.sources.disfa import read as read_disfa
from fbn.records import Annotations, Sample
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import coded
from fbn.synthetic.layouts import LAYOUTS, Item, read_world, world_of
from fbn.synthetic.layouts.items import draw_clips, draw_sequences, draw_stills
from fbn.synthetic.parameters import Face
from fbn.synthetic.render import Picture, render
from fbn.synthetic.world import Truth, World
from fbn.tasks import ATTRIBUTES
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS

TABLE = RelatednessTable.named("du2014")
#: AUs of each set, copied from the sets' documentation.
UNITS = {
    "affwild2": {1, 2, 4, 6, 12, 15, 20, 25},
    "saffwild2": {1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26},
    "emotionet": {1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26},
    "disfa": {1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26},
    "bp4d": {1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23},
    "ckplus": set(AU_NUMBERS),
}
WITH_EXPRESSION = {
    *("affwild2", "saffwild2", "affectnet", "affectnet-npy", "affectnet-train-masked", "expw", "diffusionfer"),
    *("rafdb", "emotionet", "ferplus", "ckplus"),
}
#: Half of the last digit that a set writes.
AFFECT = {
    "affwild2": 0.0005,
    "saffwild2": 0.0005,
    "affectnet": 1e-6,
    "affectnet-npy": 1e-6,
    "diffusionfer": 1e-6,
    "afew-va": 0.05,
}
ACTIVE = {1: 0.6, 12: 1.0, 25: 0.5}


def picture(shade: int, size: int) -> Picture:
    """A flat picture of that shade, unlike those of other shades."""
    image = np.full((size, size, 3), shade, np.uint8)
    dense = np.stack([np.arange(77), np.arange(77) + 0.5], 1).astype(np.float32)
    names = ("jaw", "left_brow", "right_brow", "nose_bridge", "nose_base", "left_eye", "right_eye", "mouth_outer")
    ends = np.cumsum([0, 17, 5, 5, 4, 5, 6, 6, 12, 8])
    parts = {n: slice(int(a), int(b)) for n, a, b in zip((*names, "mouth_inner"), ends, ends[1:], strict=False)}
    return Picture(image, dense[:5], dense, parts)


def item(labels: Annotations, compound: str | None = None, n: int = 0, part: str = "train", size: int = 218) -> Item:
    present = tuple((name, name in ("Male", "Smiling")) for name in ATTRIBUTES.labels)
    face = Face().with_units(ACTIVE)
    truth = Truth(face, labels, compound, "0000", present, compound or "happiness", (0.0, 0.0))
    return Item(truth, picture(40 + 10 * n, size), n, part, clip=n)


def full(expression: str = "happiness", affect: tuple[float, float] = (0.4567891, -0.1234567)) -> Annotations:
    units = {number: float(number in ACTIVE) for number in AU_NUMBERS}
    return Annotations.of(expression, units, affect)


def write(name: str, root: Path, *items: Item) -> SourceReading:
    root.mkdir()
    LAYOUTS[name].write(items, root)
    return SOURCES[name](root)


def known_units(sample: Sample) -> dict[int, float]:
    labels = sample.annotations
    return {n: labels.action_units[i].item() for n, i in AU_INDEX.items() if labels.action_units_weight[i] > 0}


def weights(sample: Sample) -> tuple[float, float, float]:
    labels = sample.annotations
    found = (labels.expression_weight, labels.action_units_weight.amax(), labels.valence_arousal_weight)
    return tuple(weight.item() for weight in found)


def shade(sample: Sample) -> float:
    """Of a flat picture; what a layout cuts away is black."""
    picture = read_picture(sample)
    return float(picture[picture > 8].mean())


def test_there_is_a_writer_for_every_adapter():
    assert set(LAYOUTS) == set(SOURCES)


@pytest.mark.parametrize("name", LAYOUTS)
class TestRoundTrip:
    def test_labels_come_back_and_no_others(self, tmp_path: Path, name: str):
        compound = "sadly fearful" if name == "rafdb-compound" else None
        reading = write(name, tmp_path / "set", item(full(), compound))
        (sample,) = reading.samples
        assert not reading.rejected
        labels = sample.annotations
        assert sample.compound == (compound or "")
        assert weights(sample) == (name in WITH_EXPRESSION, name in UNITS, name in AFFECT)
        if name in WITH_EXPRESSION:
            assert labels.expression[EXPRESSION_INDEX["happiness"]] == 1
        assert known_units(sample) == {number: float(number in ACTIVE) for number in UNITS.get(name, ())}
        if name in AFFECT:
            assert labels.valence_arousal.tolist() == pytest.approx([0.4567891, -0.1234567], abs=AFFECT[name])

    def test_every_expression_comes_back(self, tmp_path: Path, name: str):
        if name not in WITH_EXPRESSION:
            pytest.skip("has no expressions")
        reading = write(name, tmp_path / "set", *(item(full(e.value), n=n) for n, e in enumerate(EXPRESSIONS)))
        found = {int(s.annotations.expression.argmax()): s for s in reading.samples}
        assert len(reading.samples) == len(found) == 7
        for index, sample in found.items():
            assert shade(sample) == pytest.approx(40 + 10 * index, abs=1)

    def test_parts_and_pictures(self, tmp_path: Path, name: str):
        compound = "sadly fearful" if name == "rafdb-compound" else None
        items = [item(full(), compound, n, part) for n, part in enumerate(("train", "valid", "test"))]
        samples = write(name, tmp_path / "set", *items).samples
        by_shade = {round((shade(s) - 40) / 10): s.part for s in samples}
        last_two = {
            **dict.fromkeys(("affwild2", "saffwild2", "affectnet-npy"), ("valid", "valid")),
            **dict.fromkeys(("rafdb", "rafdb-compound"), ("test", "test")),
            "celeba": ("valid", "test"),
            # FER2013Valid is reported on, FER2013Test is left out
            "ferplus": ("test", "private"),
        }
        first = "train" if name in last_two else ""
        assert [by_shade[n] for n in range(3)] == [first, *last_two.get(name, ("", ""))]


class TestMissing:
    """One label is not annotated, the others come back."""

    def without(self, task: str) -> Annotations:
        labels = full()
        getattr(labels, f"{task}_weight").zero_()
        return labels

    @pytest.mark.parametrize("name", ["affwild2", "saffwild2", "emotionet", "ckplus"])
    def test_expression(self, tmp_path: Path, name: str):
        (sample,) = write(name, tmp_path / "set", item(self.without("expression"))).samples
        assert weights(sample) == (0, 1, name in AFFECT)

    @pytest.mark.parametrize("name", ["affwild2", "saffwild2", "affectnet", "affectnet-npy"])
    def test_valence_arousal(self, tmp_path: Path, name: str):
        (sample,) = write(name, tmp_path / "set", item(self.without("valence_arousal"))).samples
        assert weights(sample) == (1, name in UNITS, 0)

    @pytest.mark.parametrize("name", ["affwild2", "saffwild2", "emotionet", "ckplus"])
    def test_action_units(self, tmp_path: Path, name: str):
        (sample,) = write(name, tmp_path / "set", item(self.without("action_units"))).samples
        assert weights(sample) == (1, 0, name in AFFECT)

    @pytest.mark.parametrize("name", ["affwild2", "saffwild2", "emotionet", "bp4d"])
    def test_one_action_unit(self, tmp_path: Path, name: str):
        labels = full()
        labels.action_units_weight[AU_INDEX[12]] = 0
        (sample,) = write(name, tmp_path / "set", item(labels)).samples
        assert set(known_units(sample)) == UNITS[name] - {12}

    @pytest.mark.parametrize("name", ["affwild2", "saffwild2", "bp4d", "emotionet", "affectnet", "ferplus"])
    def test_everything(self, tmp_path: Path, name: str):
        reading = write(name, tmp_path / "set", item(full()), item(Annotations.empty(), n=1))
        assert (len(reading.samples), len(reading.rejected)) == (1, 1)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("affectnet-npy", "no mark for a missing expression"),
            ("rafdb", "no code for a missing label"),
            ("rafdb-compound", "no code for a missing label"),
            ("disfa", "no mark for a missing AU1"),
            ("afew-va", "no mark for missing valence and arousal"),
            ("expw", "no mark for a missing expression"),
            ("affectnet-train-masked", "no mark for a missing expression"),
            ("diffusionfer", "no mark for a missing expression"),
        ],
    )
    def test_what_a_layout_has_no_mark_for_is_refused(self, tmp_path: Path, name: str, message: str):
        with pytest.raises(ValueError, match=message):
            write(name, tmp_path / "set", item(Annotations.empty()))

    def test_ckplus_cannot_miss_single_aus(self, tmp_path: Path):
        labels = full()
        labels.action_units_weight[AU_INDEX[12]] = 0
        with pytest.raises(ValueError, match=r"no mark for missing AUs \[12\]"):
            write("ckplus", tmp_path / "set", item(labels))

    def test_a_compound_face_has_no_basic_expression(self, tmp_path: Path):
        both = Annotations.of({"sadness": 1, "fear": 1}, dict.fromkeys(AU_NUMBERS, 0.0), (0.0, 0.0))
        (sample,) = write("affwild2", tmp_path / "a", item(both, "sadly fearful")).samples
        assert weights(sample) == (0, 1, 1)
        (sample,) = write("emotionet", tmp_path / "b", item(both, "sadly angry")).samples
        assert (sample.compound, weights(sample)[0]) == ("sadly angry", 0)


class TestLabelsOfASet:
    def test_votes(self, tmp_path: Path):
        labels = Annotations.of({"anger": 5, "disgust": 2})
        labels.expression_weight.fill_(0.7)
        (sample,) = write("ferplus", tmp_path / "set", item(labels)).samples
        assert (tmp_path / "set/fer2013new.csv").read_text().splitlines()[1].endswith(",0,0,0,0,5,2,0,0,3,0")
        torch.testing.assert_close(sample.annotations.expression, labels.expression)
        assert sample.annotations.expression_weight.item() == pytest.approx(0.7)

    def test_intensities(self, tmp_path: Path):
        write("disfa", tmp_path / "set", item(full()))
        folder = tmp_path / "set/ActionUnit_Labels/SN001"
        # 0.5 to 1 are FACS B to E; what annotators do not count as active stays below 2
        assert (folder / "SN001_au25.txt").read_text() == "1,2\n"
        assert (folder / "SN001_au12.txt").read_text() == "1,5\n"
        assert (folder / "SN001_au9.txt").read_text() == "1,0\n"
        (sample,) = read_disfa(tmp_path / "set", active=5).samples
        assert {n for n, value in known_units(sample).items() if value} == {12}

    def test_landmarks(self, tmp_path: Path):
        for name in ("affectnet", "affectnet-npy", "afew-va"):
            (sample,) = write(name, tmp_path / name, item(full())).samples
            assert np.allclose(sample.landmarks, [(i, i + 0.5) for i in range(68)])

    def test_landmarks_are_written_in_hundredths(self, tmp_path: Path):
        shifted = item(full())
        shifted.picture.dense[:] += 0.1
        write("afew-va", tmp_path / "set", shifted)
        frames = json.loads((tmp_path / "set/01/001/001.json").read_text())["frames"]
        assert frames["00000"]["landmarks"][:2] == [[0.1, 0.6], [1.1, 1.6]]

    def test_attributes_and_identities(self, tmp_path: Path):
        first, second = write("celeba", tmp_path / "set", item(full()), item(full(), n=7)).samples
        values = first.annotations[ATTRIBUTES].value.tolist()
        assert {name for name, value in zip(ATTRIBUTES.labels, values, strict=True) if value} == {"Male", "Smiling"}
        assert (first.subject, second.subject) == ("1", "8")
        assert read_picture(first).shape == (218, 178, 3)

    def test_a_box_is_round_the_face(self, tmp_path: Path):
        (sample,) = write("expw", tmp_path / "set", item(full())).samples
        assert sample.box == (0.0, 0.0, 68.0, 69.0)

    def test_outside_its_outline_a_masked_face_is_black(self, tmp_path: Path):
        (sample,) = write("affectnet-train-masked", tmp_path / "set", item(full())).samples
        image = read_picture(sample)
        assert image.shape == (112, 112, 3)
        assert image[0, 0].max() == image[-1, -1].max() == 0
        assert (image[56, 1:-1] > 30).all()

    def test_valence_and_arousal_are_not_left_out(self, tmp_path: Path):
        labels = full()
        labels.valence_arousal_weight.zero_()
        with pytest.raises(ValueError, match="no mark for missing valence and arousal"):
            write("diffusionfer", tmp_path / "set", item(labels))

    def test_subjects_of_videos(self, tmp_path: Path):
        for name, subject in (("disfa", "SN003"), ("bp4d", "M003"), ("ckplus", "S003"), ("afew-va", "003")):
            (sample,) = write(name, tmp_path / name, item(full(), n=2)).samples
            assert sample.subject == subject


class TestDrawing:
    @pytest.fixture
    def world(self) -> World:
        return world_of("disfa", TABLE, seed=3)

    def test_stills_are_the_worlds(self, world: World):
        items = list(draw_stills(world, 5, 16))
        assert [i.truth.face for i in items] == [world.draw(n).face for n in range(5)]
        assert [i.part for i in items] == ["train", "valid", "train", "test", "train"]
        assert items[0].picture.image.shape == (16, 16, 3)

    @pytest.mark.parametrize("draw", [draw_stills, draw_clips, draw_sequences])
    def test_what_is_drawn_is_the_labelled_face(self, world: World, draw: Callable[..., Iterator[Item]]):
        items = list(draw(world, 5, 32))
        for one in items:
            assert (one.picture.image == render(one.truth.face, 32).image).all()
            active = coded(one.truth.face.intensities)
            assert one.truth.annotations.action_units.tolist() == active.tolist()
            assert [one.active(number) for number in AU_NUMBERS] == [bool(value) for value in active]
        assert len({one.picture.image.tobytes() for one in items}) == 5

    def test_people_stay_in_one_part(self, world: World):
        parts: dict[str, set[str]] = {}
        for one in draw_stills(world, 60, 8):
            parts.setdefault(one.truth.subject, set()).add(one.part)
        assert len(parts) == 27
        assert all(len(own) == 1 for own in parts.values())

    def test_clips_move_frame_by_frame(self, world: World):
        items = list(draw_clips(world, 26, 8))
        assert [(i.clip, i.frame) for i in items] == [(0, n) for n in range(24)] + [(1, 0), (1, 1)]
        assert len({i.truth.subject for i in items}) == 2
        assert len({i.truth.face for i in items[:24]}) == 24

    def test_sequences_end_at_their_peak(self):
        items = list(draw_sequences(world_of("ckplus", TABLE), 10, 8))
        assert [(i.clip, i.frame, i.peak) for i in items] == [
            *((0, n, n == 3) for n in range(4)),
            *((1, n, n == 3) for n in range(4)),
            (2, 0, False),
            (2, 1, True),
        ]
        (alone,) = draw_sequences(world_of("ckplus", TABLE), 1, 8)
        assert alone.peak
        assert alone.truth.face == items[3].truth.face
        for sequence in (items[:4], items[4:8], items[8:]):
            strengths = [i.truth.face.intensities.sum() for i in sequence]
            assert strengths == sorted(strengths)
            assert sequence[0].expression == "neutral"
            assert not sequence[0].truth.face.intensities.any()
            assert sequence[-1].expression == sequence[-1].truth.category


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_command_writes_a_set_that_passes_the_check(tmp_path: Path, name: str):
    out = tmp_path / name
    result = CliRunner().invoke(application, ["synth", name, "--out", str(out), "--count", "6", "--seed", "2"])
    assert result.exit_code == 0, result.output
    assert detect(out) == name
    found = examine(name, out)
    assert not found.unreadable
    between = [r for r in found.reading.rejected if r.reason != "between onset and peak: no label files"]
    assert not between
    assert len(found.reading.samples) == (4 if name == "ckplus" else 6)
    about = json.loads((out / "world.json").read_text())
    assert {key: about[key] for key in ("fbn", "layout", "count")} == {"fbn": __version__, "layout": name, "count": 6}
    world = read_world(out)
    assert world == world_of(name, TABLE, 2)
    assert RelatednessTable.read(out / "table.json") == world.table
    assert CliRunner().invoke(application, ["data", "check", str(out)]).exit_code == 0
