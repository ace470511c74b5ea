"""Domains, the styles of data sets: distributions of pose, light, camera, people and labels.

Between two domains there is a domain gap, as between real data sets. Each built-in domain has the name of the layout in
which it is written. Domains imitate the kind of recording (laboratory or film, posed or spontaneous, gray or colour);
their numbers are fbn's choice, not measurements of those data sets.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from zlib import crc32

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fbn.synthetic.parameters import Camera, Scene, Share, Trait
from fbn.synthetic.people import Population
from fbn.vocabulary import CLASSES_EMOTIONET, COMPOUND_RAFDB, EXPRESSIONS

_Zoom = Annotated[float, Field(ge=0.4, le=1.6)]
_BALANCED = tuple((e.value, 1.0) for e in EXPRESSIONS)


class Domain(BaseModel):
    """The style of a data set. Ranges are (minimum, maximum) of uniform distributions.

    Attributes:
        name: name of the data set.
        yaw, pitch, roll: standard deviations of the head's pose, in degrees.
        gaze: standard deviation of the gaze along each axis.
        blinking: fraction of still pictures with partly closed eyes.
        light: standard deviation of the lamp's azimuth and elevation around the upper left front, in degrees.
        hardness, warmth: ranges of the hardness and the warmth of the light.
        backgrounds: number of different backgrounds; 1: a laboratory wall.
        zoom: range; below 1 the face is small in the picture.
        shift: standard deviation, as a fraction of the picture's side.
        exposure: standard deviation.
        gray: fraction of gray pictures.
        blur, noise, compression: ranges.
        population: the people.
        classes: (expression or compound, relative frequency).
        strength: mean strength of active AUs, from 0 (subtle) to 1 (posed).
        affect_bias: bias of the raters' valence and arousal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(default="plain", min_length=1)
    yaw: float = Field(default=6, ge=0, le=30)
    pitch: float = Field(default=4, ge=0, le=20)
    roll: float = Field(default=3, ge=0, le=30)
    gaze: float = Field(default=0.2, ge=0, le=1)
    blinking: Share = 0.02
    light: float = Field(default=20, ge=0, le=60)
    hardness: tuple[Share, Share] = (0.2, 0.6)
    warmth: tuple[Trait, Trait] = (-0.3, 0.3)
    backgrounds: int = Field(default=1000, ge=1)
    zoom: tuple[_Zoom, _Zoom] = (0.95, 1.05)
    shift: float = Field(default=0.0, ge=0, le=0.3)
    exposure: float = Field(default=0.15, ge=0, le=1)
    gray: Share = 0.0
    blur: tuple[Share, Share] = (0.0, 0.15)
    noise: tuple[Share, Share] = (0.0, 0.15)
    compression: tuple[Share, Share] = (0.0, 0.3)
    population: Population = Population()
    classes: tuple[tuple[str, float], ...] = _BALANCED
    strength: Share = 0.5
    affect_bias: tuple[Trait, Trait] = (0.0, 0.0)

    @field_validator("classes")
    @classmethod
    def _some(cls, classes: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
        names = [name for name, _ in classes]
        if len(set(names)) != len(names) or not all(share >= 0 for _, share in classes):
            raise ValueError("expected each class once, with a share of 0 or more")
        if not sum(share for _, share in classes) > 0:
            raise ValueError("expected at least one class with a share above 0")
        return classes

    def scene(self, generator: np.random.Generator) -> Scene:
        """Draw head pose, eyes and light of one picture."""
        normal, even = generator.standard_normal(7), generator.random(5)
        return Scene(
            yaw=_within(self.yaw * normal[0], 45),
            pitch=_within(self.pitch * normal[1], 30),
            roll=_within(self.roll * normal[2], 45),
            gaze=(_within(self.gaze * normal[3], 1), _within(self.gaze * normal[4], 1)),
            blink=round(0.2 + 0.8 * even[1], 3) if even[0] < self.blinking else 0.0,
            light=(_within(-20 + self.light * normal[5], 90), _within(-30 + self.light * normal[6] / 2, 80)),
            hardness=_between(self.hardness, even[2]),
            warmth=_between(self.warmth, even[3]),
            # different domains have different backgrounds
            background=crc32(self.name.encode()) % 10**6 + int(even[4] * self.backgrounds),
        )

    def camera(self, generator: np.random.Generator) -> Camera:
        """Draw the camera settings of one picture."""
        normal, even = generator.standard_normal(3), generator.random(5)
        return Camera(
            zoom=_between(self.zoom, even[0]),
            shift=(_within(self.shift * normal[0], 0.5), _within(self.shift * normal[1], 0.5)),
            exposure=_within(self.exposure * normal[2], 1),
            gray=bool(even[1] < self.gray),
            blur=_between(self.blur, even[2]),
            noise=_between(self.noise, even[3]),
            compression=_between(self.compression, even[4]),
            seed=int(generator.integers(2**31)),
        )


def _within(value: float, bound: float) -> float:
    return round(float(min(max(value, -bound), bound)), 3)


def _between(ends: tuple[float, float], fraction: float) -> float:
    return round(float(ends[0] + (ends[1] - ends[0]) * fraction), 3)


def _mostly(**shares: float) -> tuple[tuple[str, float], ...]:
    """Return all seven classes with their relative frequencies, 1 by default."""
    return tuple((e.value, shares.get(e.value, 1.0)) for e in EXPRESSIONS)


def _each(names: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    return tuple((name, 1.0) for name in names)


# a film crew's street, a photographer's studio, a laboratory
_WILD = {"yaw": 13, "pitch": 7, "roll": 7, "light": 40, "hardness": (0.1, 0.8), "shift": 0.04, "exposure": 0.3}
_PHOTO = {"yaw": 10, "pitch": 5, "roll": 6, "light": 30, "hardness": (0.1, 0.6), "shift": 0.02, "exposure": 0.2}
_LAB = {"yaw": 4, "pitch": 3, "roll": 2, "light": 8, "hardness": (0.2, 0.35), "warmth": (-0.1, 0.1), "backgrounds": 1}
_VIDEO = {"blur": (0.05, 0.4), "noise": (0.05, 0.3), "compression": (0.3, 0.7), "gaze": 0.35, "blinking": 0.08}


def _domain(name: str, *styles: Mapping[str, Any], **changes: Any) -> Domain:
    """Merge styles and changes; later ones override earlier ones."""
    return Domain.model_validate(
        {key: value for style in (*styles, changes) for key, value in style.items()} | {"name": name}
    )


_AFFWILD = {**_WILD, **_VIDEO, "zoom": (0.8, 1.05), "strength": 0.4} | {
    "classes": _mostly(neutral=6, happiness=3, sadness=2, surprise=2)
}
_AFFECTNET = {**_PHOTO, "zoom": (0.75, 1.0), "strength": 0.65, "affect_bias": (-0.03, 0.05)}
_RAFDB = {**_PHOTO, "warmth": (-0.2, 0.5), "zoom": (0.95, 1.15), "blur": (0.1, 0.4), "strength": 0.6}

#: The built-in domains, by layout.
DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        _domain("affwild2", _AFFWILD),
        _domain("saffwild2", _AFFWILD),
        _domain("affectnet", _AFFECTNET),
        _domain("affectnet-npy", _AFFECTNET),
        _domain("rafdb", _RAFDB, classes=_mostly(happiness=5, neutral=3, sadness=2.5, surprise=1.5, fear=0.4)),
        _domain("rafdb-compound", _RAFDB, classes=_each(COMPOUND_RAFDB)),
        _domain(
            "emotionet",
            _PHOTO,
            zoom=(0.7, 1.1),
            noise=(0.0, 0.3),
            compression=(0.2, 0.8),
            classes=_each(CLASSES_EMOTIONET),
            strength=0.55,
        ),
        _domain(
            "disfa",
            _LAB,
            hardness=(0.5, 0.6),
            warmth=(0.15, 0.3),
            gaze=0.15,
            zoom=(0.9, 0.95),
            blur=(0.1, 0.2),
            population=Population(people=27, male=0.55, older=0.0, glasses=0.1, make_up=0.2),
            classes=_mostly(neutral=12, happiness=5, surprise=1.5, disgust=1.5),
            strength=0.3,
        ),
        _domain(
            "bp4d",
            _LAB,
            hardness=(0.0, 0.2),
            warmth=(-0.3, -0.1),
            yaw=7,
            zoom=(0.85, 1.0),
            noise=(0.0, 0.05),
            population=Population(people=41, male=0.44, older=0.0, glasses=0.0, make_up=0.3),
        ),
        _domain(
            "afew-va",
            _WILD,
            _VIDEO,
            light=50,
            hardness=(0.4, 1.0),
            warmth=(-0.2, 0.8),
            exposure=0.4,
            zoom=(0.7, 1.0),
            population=Population(people=240, older=0.4),
            strength=0.55,
            affect_bias=(-0.04, 0.03),
        ),
        _domain(
            "celeba",
            _PHOTO,
            zoom=(0.6, 0.7),
            blur=(0.0, 0.45),
            population=Population(male=0.42, make_up=1.0, glasses=0.07),
            classes=_mostly(happiness=8, neutral=8, surprise=0.5, anger=0.2, disgust=0.2, fear=0.2, sadness=0.5),
            strength=0.6,
        ),
        _domain(
            "ferplus",
            _WILD,
            gray=1.0,
            blur=(0.3, 0.6),
            noise=(0.0, 0.25),
            compression=(0.1, 0.6),
            zoom=(0.9, 1.15),
            classes=_mostly(neutral=5, happiness=4, surprise=2, sadness=2, anger=1.5, disgust=0.15, fear=0.4),
            strength=0.6,
        ),
        _domain(
            "ckplus",
            _LAB,
            gray=0.9,
            noise=(0.05, 0.2),
            compression=(0.0, 0.1),
            zoom=(0.7, 0.8),
            population=Population(people=123, male=0.31, older=0.1, melanin=(0.02, 0.7), glasses=0.0, make_up=0.3),
            strength=0.85,
        ),
        _domain("affectnet-train-masked", _AFFECTNET),
        _domain("expw", _WILD, zoom=(0.5, 0.8), yaw=25),
        _domain("diffusionfer", _PHOTO, zoom=(0.85, 1.0), population=Population(people=40)),
    )
}
