"""Video clips of drawn faces: expressions with onset, apex and offset, on a moving head.

Times are in seconds. A clip is a deterministic function of time and can be sampled at any frame rate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fbn.synthetic import affect
from fbn.synthetic.activity import draw_units
from fbn.synthetic.parameters import Face
from fbn.synthetic.world import Truth, World
from fbn.vocabulary import DECISION, EXPRESSIONS, Expression

_CHANNELS = ("yaw", "pitch", "roll", "gaze_x", "gaze_y", "valence", "arousal")
#: Number of sine components of the head's motion, and their maximum frequency in hertz.
_SWAYS, _FASTEST = 4, 0.35
#: Standard deviation of the motion, as a fraction of the domain's.
_SWAY = 0.5
#: Seconds in which the eyes close and open in a blink.
_CLOSING, _OPENING = 0.12, 0.2
#: Mean number of seconds between the starts of two blinks.
_BLINKS_APART = 3.5


@dataclass(frozen=True)
class Episode:
    """One expression over time.

    Attributes:
        category: expression or compound expression.
        units: 17 pairs of AU intensities, left and right, at the apex.
        start: time of its beginning.
        onset, apex, offset: durations of its three phases.
    """

    category: str
    units: tuple[tuple[float, float], ...]
    start: float
    onset: float
    apex: float
    offset: float

    @property
    def peak(self) -> float:
        """Time at which it reaches full strength."""
        return self.start + self.onset

    @property
    def end(self) -> float:
        """Time at which it ends."""
        return self.peak + self.apex + self.offset

    def envelope(self, time: float) -> float:
        """Return its strength at a time, in [0, 1], smooth over time."""
        return _smooth((time - self.start) / self.onset) * _smooth((self.end - time) / self.offset)


@dataclass(frozen=True)
class Clip:
    """A labelled video clip of a face.

    Attributes:
        world: its table, domain and settings determine the labels.
        number: number of the clip in the world; seeds motion, blinks and noise.
        subject: name of the person.
        face: person, mean pose and camera; its AUs are the minimum intensities throughout.
        episodes: sorted by start; they may overlap in transitions.
        seconds: duration.
    """

    world: World
    number: int
    subject: str
    face: Face
    episodes: tuple[Episode, ...]
    seconds: float

    def frame(self, time: float) -> Truth:
        """Return face and labels at a time.

        An AU has the maximum intensity over overlapping episodes. The class is that of the strongest episode if its
        strength is at least 0.5, else neutral; valence and arousal follow the envelopes.

        Raises:
            ValueError: the time is outside the clip.
        """
        if not 0 <= time <= self.seconds:
            raise ValueError(f"time {time:g}: expected 0 to {self.seconds:g} seconds")
        envelopes = [episode.envelope(time) for episode in self.episodes]
        levels = [e * np.array(episode.units) for e, episode in zip(envelopes, self.episodes, strict=True)]
        units = np.max([self.face.intensities, *levels], axis=0)
        sway = dict(zip(_CHANNELS, self._sway(time), strict=True))
        scene = self.face.scene
        gaze = (_within(scene.gaze[0] + sway["gaze_x"], 1), _within(scene.gaze[1] + sway["gaze_y"], 1))
        moved = {
            "yaw": _within(scene.yaw + sway["yaw"], 45),
            "pitch": _within(scene.pitch + sway["pitch"], 30),
            "roll": _within(scene.roll + sway["roll"], 45),
            "gaze": gaze,
            "blink": max(scene.blink, self._blink(time)),
        }
        tick = round(1000 * time)
        face = self.face.model_copy(
            update={
                "action_units": tuple((left, right) for left, right in units.round(4).tolist()),
                "scene": scene.model_copy(update=moved),
                # noise differs from frame to frame
                "camera": self.face.camera.model_copy(update={"seed": (self.face.camera.seed + tick) % 2**31}),
            }
        )
        shown = self._expression_strengths(envelopes)
        felt = affect.valence_arousal(shown, units.mean(-1), (sway["valence"], sway["arousal"]))
        labels = self.world.generator(f"clip {self.number} labels", tick)
        return self.world.labelled(face, self._category(envelopes), felt, self.subject, labels)

    def frames(self, rate: float = 30.0) -> Iterator[Truth]:
        """Return an iterator over all frames, at ``rate`` frames per second."""
        return (self.frame(i / rate) for i in range(int(self.seconds * rate + 1e-9) + 1))

    def _category(self, envelopes: Sequence[float]) -> str:
        if not envelopes or max(envelopes) < DECISION:
            return Expression.NEUTRAL.value
        return self.episodes[int(np.argmax(envelopes))].category

    def _expression_strengths(self, envelopes: Sequence[float]) -> np.ndarray:
        shown = np.zeros(len(EXPRESSIONS))
        for envelope, episode in zip(envelopes, self.episodes, strict=True):
            row, units = self.world.table.row(episode.category), np.array(episode.units).mean(-1)
            shown += envelope * affect.display(episode.category, row, units)
        return shown / max(1.0, sum(envelopes))

    def _sway(self, time: float) -> np.ndarray:
        """Return [7] the motion of each channel: a sum of slow sines with the domain's amplitude."""
        domain, generator = self.world.domain, self.world.generator("sway", self.number)
        spread = (domain.yaw, domain.pitch, domain.roll, domain.gaze, domain.gaze)
        felt = self.world.settings.affect_sd
        size = np.array([*(_SWAY * value for value in spread), felt, felt])
        pitches = generator.uniform(0.05, _FASTEST, (len(_CHANNELS), _SWAYS))
        phases = generator.uniform(0, 2 * np.pi, (len(_CHANNELS), _SWAYS))
        # slower components have larger amplitudes; together they have the given standard deviation
        heights = 1 / pitches
        heights *= np.sqrt(2 / (heights**2).sum(-1, keepdims=True))
        return size * (heights * np.sin(2 * np.pi * pitches * time + phases)).sum(-1)

    def _blink(self, time: float) -> float:
        """Return how far the lids are closed, in [0, 1]; blinks occur at random."""
        generator = self.world.generator("blinks", self.number)
        gaps = generator.uniform(0.5, 2 * _BLINKS_APART - 0.5, 2 + int(self.seconds))
        start = np.cumsum(gaps)
        closing = np.clip((time - start) / _CLOSING, 0, 1)
        opening = np.clip((start + _CLOSING + _OPENING - time) / _OPENING, 0, 1)
        return round(float(np.max(np.minimum(closing, opening))), 4)


def draw_clip(world: World, number: int, seconds: float = 8.0, categories: Sequence[str] | None = None) -> Clip:
    """Draw clip ``number`` of a world.

    Args:
        world: table, people and style.
        number: 0 or more; clip i shows person i mod the population.
        seconds: duration, unless ``categories`` is given; it is filled with episodes.
        categories: expressions in order, which determine the duration; by default drawn from the domain's classes.

    Raises:
        FormatError: the table has no row for a category.
    """
    generator = world.generator("clip", number)
    person = world.person(number % world.domain.population.people)
    identity, appearance = person.pictured(world.generator("clip looks", number))
    style = world.generator("clip style", number)
    scene = world.domain.scene(style).model_copy(update={"blink": 0.0})
    face = Face(identity=identity, appearance=appearance, scene=scene, camera=world.domain.camera(style))
    episodes: list[Episode] = []
    time = float(generator.uniform(0.2, 0.6))
    while len(episodes) < len(categories) if categories is not None else time < seconds:
        category = categories[len(episodes)] if categories is not None else world.draw_class(generator)
        units = draw_units(world.table.row(category), generator, world.settings.activity, world.domain.strength)
        onset, apex, offset = (float(v) for v in generator.uniform((0.35, 0.5, 0.5), (0.9, 1.6, 1.2)))
        episode = Episode(category, tuple((a, b) for a, b in units.tolist()), time, onset, apex, offset)
        episodes.append(episode)
        # if the next episode begins before this one ends, the expressions blend
        time = episode.end + float(generator.uniform(-0.8 * offset, 0.6))
    if categories is not None:
        seconds = episodes[-1].end + 0.3 if episodes else seconds
    return Clip(world, number, person.subject, face, tuple(episodes), seconds)


def _smooth(value: float) -> float:
    """Return the smoothstep 3 x^2 - 2 x^3 of a value clipped to [0, 1]."""
    x = min(max(value, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _within(value: float, bound: float) -> float:
    return round(float(min(max(value, -bound), bound)), 4)
