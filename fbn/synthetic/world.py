"""A world of labelled faces: picture i and its labels are a pure function of (world, i).

A face is drawn by the inverse of the papers' inference: a class with the domain's frequencies, AUs from its row of the
relatedness table, valence and arousal from both; independently a person, a scene and a camera. A world contains its
table, so that what a network learned can be compared with the true relatedness.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar
from zlib import crc32

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fbn import sheets
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations, Label
from fbn.relatedness import RelatednessTable
from fbn.resources import whole_file
from fbn.synthetic import affect, annotators
from fbn.synthetic.activity import Activity, coded, draw_units
from fbn.synthetic.attributes import attributes
from fbn.synthetic.domains import Domain
from fbn.synthetic.parameters import Face
from fbn.synthetic.people import Person, draw_person
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.vocabulary import COMPOUND_EXPRESSIONS

M = TypeVar("M", bound=BaseModel)
_FIELDS = ("table", "seed", "domain", "settings")


class WorldSettings(BaseModel):
    """Settings of faces and labels that do not depend on the domain.

    Attributes:
        activity: parameters of the random AUs.
        affect_sd: standard deviation of valence and arousal among faces of equal expression and AUs.
        noise: label noise; none by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    activity: Activity = Activity()
    affect_sd: float = Field(default=0.05, ge=0, le=1)
    noise: annotators.Noise = annotators.Noise()


_PLAIN, _DEFAULT = Domain(), WorldSettings()


@dataclass(frozen=True)
class Truth:
    """A face with its labels and true values.

    Attributes:
        face: the face, with its true AU intensities.
        annotations: annotators' labels of all three tasks, weight 1, batch shape []. AUs are 0 or 1
            (``activity.coded``); a compound expression is half of each component.
        compound: the annotated compound expression, or None for one of the seven.
        subject: name of the person.
        attributes: CelebA's 40, in its order.
        category: the true expression or compound expression.
        affect: true valence and arousal.
    """

    face: Face
    annotations: Annotations
    compound: str | None
    subject: str
    attributes: tuple[tuple[str, bool], ...]
    category: str
    affect: tuple[float, float]


@dataclass(frozen=True)
class World:
    """An unlimited supply of labelled faces.

    Attributes:
        table: AUs of each expression; it must have a row for each class of the domain.
        seed: seed of people and pictures, 0 or more.
        domain: style of the data set; domains of different names have different people.
        settings: settings of faces and labels.

    Raises:
        FormatError: the seed is negative, or the table has no row for a class of the domain.
    """

    table: RelatednessTable
    seed: int = 0
    domain: Domain = _PLAIN
    settings: WorldSettings = _DEFAULT

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise FormatError(f"seed = {self.seed}: expected 0 or more")
        for name in self.classes:
            if name not in self.table.categories:
                have = ", ".join(self.table.categories)
                raise FormatError(f"domain {self.domain.name} shows {name!r}, but the table has rows for {have} only")

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the domain with a frequency above 0."""
        return tuple(name for name, share in self.domain.classes if share > 0)

    def generator(self, purpose: str, number: int) -> np.random.Generator:
        """Return the random generator of one purpose for one picture, person or clip."""
        return np.random.default_rng((self.seed, crc32(self.domain.name.encode()), crc32(purpose.encode()), number))

    def draw(self, index: int) -> Truth:
        """Draw picture ``index``, 0 or more."""
        category = self.draw_class(self.generator("class", index))
        row = self.table.row(category)
        units = draw_units(row, self.generator("units", index), self.settings.activity, self.domain.strength)
        person = self.person(self.who(index))
        looks, style = self.generator("looks", index), self.generator("style", index)
        identity, appearance = person.pictured(looks)
        face = Face(
            action_units=tuple((left, right) for left, right in units.tolist()),
            identity=identity,
            appearance=appearance,
            scene=self.domain.scene(style),
            camera=self.domain.camera(style),
        )
        drift = self.settings.affect_sd * self.generator("affect", index).standard_normal(2)
        shown = affect.display(category, row, units.mean(-1))
        felt = affect.valence_arousal(shown, units.mean(-1), drift)
        return self.labelled(face, category, felt, person.subject, self.generator("labels", index))

    def draw_class(self, generator: np.random.Generator) -> str:
        """Draw one of ``classes`` with the domain's frequencies."""
        shares = np.array([share for _, share in self.domain.classes if share > 0])
        return self.classes[int(generator.choice(len(shares), p=shares / shares.sum()))]

    def who(self, index: int) -> int:
        """Return the number of the person in picture ``index``."""
        return index % self.domain.population.people

    def person(self, number: int) -> Person:
        """Draw person ``number`` of the domain's population."""
        return draw_person(number, self.domain.population, self.generator("person", number))

    def votes(self, index: int) -> dict[str, int]:
        """Draw ten taggers' votes on picture ``index``: expression or ``"unknown"`` -> votes (FER+)."""
        share = affect.shares(self.draw_class(self.generator("class", index)))
        return annotators.vote(share, self.table, self.settings.noise, self.generator("votes", index))

    def labelled(
        self, face: Face, category: str, felt: np.ndarray, subject: str, generator: np.random.Generator
    ) -> Truth:
        """Label a face as the simulated annotators do.

        Args:
            face: the face.
            category: its true class; one of ``classes``, or neutral.
            felt: [2] its valence and arousal.
            subject: name of the person.
            generator: random generator of the label noise.
        """
        noise = self.settings.noise
        units = annotators.label_units(coded(face.intensities), noise, generator)
        written = annotators.label_affect(felt, noise, self.domain.affect_bias, generator)
        name = category
        if category in self.classes:
            alike = _likeness(self.table, self.classes)
            name = self.classes[annotators.label_class(self.classes.index(category), alike, noise, generator)]
        one = torch.ones(())
        labels = Annotations(
            {
                EXPRESSION: Label(torch.from_numpy(affect.shares(name)).float(), one),
                ACTION_UNITS: Label(torch.from_numpy(units).float(), torch.ones(len(units))),
                VALENCE_AROUSAL: Label(torch.from_numpy(written).float(), one),
            }
        )
        compound = name if name in COMPOUND_EXPRESSIONS else None
        return Truth(face, labels, compound, subject, attributes(face), category, (float(felt[0]), float(felt[1])))

    def to_json(self) -> str:
        """Return the world as JSON, including its table and the table's provenance."""
        data = {
            "table": json.loads(self.table.to_json()),
            "seed": self.seed,
            "domain": self.domain.model_dump(mode="json"),
            "settings": self.settings.model_dump(mode="json"),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a world from the JSON of ``to_json``.

        Raises:
            FormatError: a field is unknown, missing or out of range; the message names it.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise FormatError(f"expected JSON: {error}") from None
        if not isinstance(data, dict) or set(data) != set(_FIELDS):
            found = ", ".join(sorted(data)) if isinstance(data, dict) else type(data).__name__
            raise FormatError(f"expected an object with exactly {', '.join(_FIELDS)}, found {found or 'nothing'}")
        if not isinstance(data["seed"], int) or isinstance(data["seed"], bool):
            raise FormatError(f"seed = {data['seed']!r}: expected a whole number")
        try:
            table = RelatednessTable.from_json(json.dumps(data["table"]))
        except FormatError as error:
            raise FormatError(f"table: {error}") from None
        return cls(table, data["seed"], _valid(Domain, data, "domain"), _valid(WorldSettings, data, "settings"))

    def write(self, path: Path) -> None:
        """Write ``to_json`` atomically to a file. Raises MissingFileError if its folder does not exist."""
        if not path.parent.is_dir():
            raise MissingFileError(f"{path}: expected a file to write in a folder that is there, {path.parent} is not")
        with whole_file(path) as unfinished:
            unfinished.write_text(self.to_json(), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of ``write``. Raises MissingFileError, or FormatError that names file and field."""
        if not path.is_file():
            raise MissingFileError(f"{path}: no such file")
        try:
            return cls.from_json(sheets.decode(path.read_bytes()))
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None


@lru_cache(maxsize=16)
def _likeness(table: RelatednessTable, classes: tuple[str, ...]) -> np.ndarray:
    return annotators.likeness(table, classes)


def _valid(model: type[M], data: Mapping[str, Any], name: str) -> M:
    # JSON has no tuples: lenient enough to take lists, strict about names and ranges
    try:
        return model.model_validate(data[name])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join((name, *(str(part) for part in first["loc"])))
        raise FormatError(f"{where} = {first['input']!r}: {_readable_message(first['type'], first['msg'])}") from None


def _readable_message(kind: str, message: str) -> str:
    return "expected no such field" if kind == "extra_forbidden" else message
