"""Items of a data set to write: drawn faces with labels and positions in it; and how a world draws them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fbn.synthetic.clips import Clip, draw_clip
from fbn.synthetic.render import Picture, render
from fbn.synthetic.world import Truth, World
from fbn.vocabulary import AU_INDEX, DECISION, EXPRESSIONS

Part = Literal["train", "valid", "test"]

#: Frames of a clip, and frames per second: the papers use every fifth of 30.
CLIP_FRAMES, CLIP_RATE = 24, 6.0
#: Frames from neutral to peak.
SEQUENCE_FRAMES = 4
#: The 68 points of 300-W (Sagonas et al. 2013), in its order; what AffectNet and AFEW-VA give.
_POINTS = (
    *("jaw", "left_brow", "right_brow", "nose_bridge", "nose_base"),
    *("left_eye", "right_eye", "mouth_outer", "mouth_inner"),
)
#: Below this intensity an inactive AU is graded 0.
_TRACE = 0.1


@dataclass(frozen=True)
class Item:
    """One face to write. A weight of 0 in its annotations is written as the layout's missing mark.

    Attributes:
        truth: the face and its labels.
        picture: as drawn.
        person: number of the person, from 0.
        part: its split; a layout of two splits puts valid and test into the second one.
        clip: number of the clip it is a frame of, from 0.
        frame: its number within the clip, from 0.
        peak: whether it is the peak of its sequence.
    """

    truth: Truth
    picture: Picture
    person: int
    part: Part
    clip: int = 0
    frame: int = 0
    peak: bool = True

    @property
    def expression(self) -> str | None:
        """The most likely of the seven; None where not annotated or compound."""
        labels = self.truth.annotations
        if self.truth.compound or not labels.expression_weight > 0:
            return None
        return EXPRESSIONS[int(labels.expression.argmax())].value

    @property
    def valence_arousal(self) -> tuple[float, float] | None:
        """Valence and arousal; None where not annotated."""
        labels = self.truth.annotations
        valence, arousal = labels.valence_arousal.tolist()
        return (valence, arousal) if labels.valence_arousal_weight > 0 else None

    def active(self, number: int) -> bool | None:
        """Whether an AU (FACS number) is active; None where not annotated."""
        labels, index = self.truth.annotations, AU_INDEX[number]
        if not labels.action_units_weight[index] > 0:
            return None
        return bool(labels.action_units[index] >= DECISION)

    def intensity(self, number: int) -> int | None:
        """0 to 5 as FACS grades A to E; 2 or more where active, less where not; None where not annotated."""
        if (active := self.active(number)) is None:
            return None
        level = float(self.truth.face.intensities[AU_INDEX[number]].max())
        if active:
            return 2 + min(3, max(0, int(4 * (level - DECISION) / (1 - DECISION))))
        return int(level >= _TRACE)

    @property
    def points(self) -> np.ndarray:
        """[68, 2] pixels, in 300-W's order."""
        return np.concatenate([self.picture.dense[self.picture.parts[name]] for name in _POINTS])


def draw_stills(world: World, count: int, size: int) -> Iterator[Item]:
    """Pictures 0 to ``count`` of a world, ``size`` pixels wide and high."""
    for index in range(count):
        truth = world.draw(index)
        person = index % world.domain.population.people
        yield Item(truth, render(truth.face, size), person, _part(person))


def draw_clips(world: World, count: int, size: int) -> Iterator[Item]:
    """``count`` frames of a world's clips, ``CLIP_FRAMES`` of each; the last may be shorter."""
    clip: Clip | None = None
    for index in range(count):
        number, frame = divmod(index, CLIP_FRAMES)
        if frame == 0 or clip is None:
            clip = draw_clip(world, number, CLIP_FRAMES / CLIP_RATE)
        yield _frame(clip, frame / CLIP_RATE, size, frame)


def draw_sequences(world: World, count: int, size: int) -> Iterator[Item]:
    """``count`` frames of sequences that end at their peak; all but the last are ``SEQUENCE_FRAMES`` long."""
    for number, first in enumerate(range(0, count, SEQUENCE_FRAMES)):
        clip = draw_clip(world, number, categories=[world.draw_class(world.generator("sequence", number))])
        (episode,) = clip.episodes
        length = min(SEQUENCE_FRAMES, count - first)
        for frame in range(length):
            # readers take a first frame for neutral and a coded one for the peak, so a short one has both
            share = frame / (length - 1) if length > 1 else 1.0
            yield _frame(clip, episode.start + share * episode.onset, size, frame, frame == length - 1)


def _frame(clip: Clip, time: float, size: int, frame: int, peak: bool = True) -> Item:
    truth = clip.frame(time)
    person = clip.number % clip.world.domain.population.people
    return Item(truth, render(truth.face, size), person, _part(person), clip.number, frame, peak)


def _part(person: int) -> Part:
    """Return the split of a person: of ten, one is in valid and one in test; early ones, for small data sets."""
    parts: dict[int, Part] = {1: "valid", 3: "test"}
    return parts.get(person % 10, "train")
