"""Drawn people, and two networks that recognise them: a demonstration of identities and attributes that is all drawn.

The people come from ``fbn.studies.faces_data.world_of``. The networks, uncoupled and with matching, ship in
``assets/people``; ``fbn.studies.faces_networks`` trains them. No real person is in any of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from fbn.data.augment import resize_crops
from fbn.errors import ChecksumError, FormatError, MissingFileError, readable_errors
from fbn.faces.landmarks import crop_landmarks
from fbn.losses.coupling import matching_terms
from fbn.models import store
from fbn.models.onnx import OnnxNetwork
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable
from fbn.resources import shipped
from fbn.studies.faces_data import world_of
from fbn.synthetic.attributes import RULES
from fbn.synthetic.parameters import Appearance, Face
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.world import Truth, World
from fbn.vocabulary import AU_INDEX

#: Arms of the study ``faces`` whose networks are saved -> their titles.
NETWORKS: Mapping[str, str] = {"none": "Uncoupled", "match": "With matching"}
ABOUT, TABLE = "people.json", "table.json"
#: Changes of appearance -> the fields of ``Appearance`` that make them and the fields that undo them.
LOOKS: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "Glasses": ({"glasses": 0.6}, {"glasses": 0.0}),
    "Beard": ({"beard": 0.8, "moustache": 0.8}, {"beard": 0.0, "moustache": 0.0}),
    "Lipstick": ({"lipstick": 0.7}, {"lipstick": 0.0}),
}


class AboutDrawnPeople(BaseModel):
    """Contents of ``people.json``: the drawn people, and the networks' metrics on held-out pictures of them.

    Attributes:
        people: number of drawn people, strangers included.
        pictures: number of pictures of each that training and measurement used.
        seed: of the people, the weights and the batches.
        steps: training steps.
        table_sha256: checksum of the table's file.
        figures: arm -> metric, as the study ``faces`` names it -> value.
        chance: metric -> value of the best constant prediction.
        command, git_sha, date: how, with which code and when the networks were trained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: int
    pictures: int
    seed: int
    steps: int
    table_sha256: str
    figures: dict[str, dict[str, float]]
    chance: dict[str, float]
    command: str
    git_sha: str
    date: str


@dataclass(frozen=True)
class PersonReading:
    """What a network says of one picture of a person, and what the table makes of it.

    Attributes:
        people: names of the N people that the network knows.
        identity: [N] p(id|x), probability that it is each of them.
        attributes: names of the A attributes.
        p: [A] p(a|x), probability of each attribute as the network sees it.
        q: [A] q(a|x) = sum over people of p(id|x) R(id, a): what the identity implies (paper A, eq. 17).
        loss: [A] each attribute's term of the distribution-matching loss, 0 at p = q.
    """

    people: tuple[str, ...]
    identity: np.ndarray
    attributes: tuple[str, ...]
    p: np.ndarray
    q: np.ndarray
    loss: np.ndarray

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the most probable people and their probabilities."""
        return [(self.people[i], float(self.identity[i])) for i in np.argsort(-self.identity, kind="stable")[:count]]

    def frame(self) -> pd.DataFrame:
        """Return p, q and the loss as a table with a row for each attribute, the largest loss first."""
        frame = pd.DataFrame({"p": self.p, "q": self.q, "loss": self.loss}, pd.Index(self.attributes, name="attribute"))
        return frame.sort_values("loss", ascending=False, kind="stable")


def read_predictions(predictions: Predictions, table: RelatednessTable) -> PersonReading:
    """Return the reading of one picture.

    Args:
        predictions: logits of identity and attributes, batch shape [1].
        table: R(identity, attribute).
    """
    rows, columns = predictions.stored(table.rows), predictions.stored(table.columns)
    loss, q = matching_terms(predictions, table, binary=False)
    values = (predictions.probability(rows), predictions.probability(columns), q, loss)
    identity, p, q_, terms = (value[0].double().numpy() for value in values)
    return PersonReading(rows.labels, identity, columns.labels, p, q_, terms)


@dataclass(frozen=True)
class DrawnPeople:
    """The drawn people of ``assets/people`` with their table and networks.

    Attributes:
        about: how they were made, and how good the networks are.
        table: R(identity, attribute), counted from the training pictures.
        networks: name in ``NETWORKS`` -> network.
    """

    about: AboutDrawnPeople
    table: RelatednessTable
    networks: Mapping[str, OnnxNetwork]

    @classmethod
    def read(cls, folder: Path | None = None) -> Self:
        """Read a folder of ``fbn.studies.faces_networks``.

        Args:
            folder: the folder; None: the one that ships with fbn.

        Raises:
            MissingFileError: a file is missing.
            FormatError: a file is invalid.
            ChecksumError: a file is not the one that was saved.
        """
        folder = shipped("assets/people") if folder is None else folder
        path = folder / ABOUT
        if not path.is_file():
            raise MissingFileError(f"{path}: no such file; python -m fbn.studies.faces_networks writes it")
        try:
            about = AboutDrawnPeople.model_validate_json(path.read_text("utf-8"))
        except ValidationError as error:
            raise FormatError(f"{path}: {readable_errors(error, 'the file')}") from error
        table = RelatednessTable.read(folder / TABLE)
        if store.file_sha256(folder / TABLE) != about.table_sha256:
            raise ChecksumError(f"{folder / TABLE} is not the file that {ABOUT} names: fetch or train both anew")
        networks = {name: store.load(folder / name) for name in NETWORKS}
        return cls(about, table, {n: network for n, network in networks.items() if isinstance(network, OnnxNetwork)})

    @cached_property
    def world(self) -> World:
        """The world that the people live in."""
        return world_of(self.about.people, self.about.seed)

    @cached_property
    def known(self) -> tuple[int, ...]:
        """Numbers of the people that the networks know."""
        return tuple(int(name) for name in self.table.rows.labels)

    @cached_property
    def strangers(self) -> tuple[int, ...]:
        """Numbers of the people of whom the networks saw no picture."""
        return tuple(sorted(set(range(self.about.people)) - set(self.known)))

    @cached_property
    def telling(self) -> tuple[str, ...]:
        """The attributes, those that differ most between the known people first."""
        spread = self.table.matrix().double().std(0).numpy()
        return tuple(self.table.columns.labels[i] for i in np.argsort(-spread, kind="stable"))

    def attributes(self, face: Face) -> dict[str, bool]:
        """Return which attributes a face is drawn with, those that the networks predict."""
        return {name: rule(face) for name, rule in RULES.items() if name in self.table.columns.labels}

    def held_out(self, person: int, number: int) -> Truth:
        """Draw a picture that no network was trained or measured on.

        Args:
            person: number of the person.
            number: number of the picture, 0 or more.
        """
        return self.world.draw(person + self.about.people * (self.about.pictures + number))

    def read_faces(self, faces: Sequence[Face]) -> list[dict[str, PersonReading]]:
        """Read faces with both networks: draw, align by predicted landmarks, predict.

        Returns:
            For each face: name in ``NETWORKS`` -> reading.
        """
        crops = draw_crops(faces, find=crop_landmarks)
        by_name: dict[str, list[PersonReading]] = {}
        for name, network in self.networks.items():
            with torch.inference_mode():
                said = network(network.spec.prepare(resize_crops(crops, network.spec.size)))
            by_name[name] = [read_predictions(said[i : i + 1], self.table) for i in range(len(faces))]
        return [dict(zip(by_name, each, strict=True)) for each in zip(*by_name.values(), strict=True)]


def looks_of(appearance: Appearance) -> list[str]:
    """Return which of ``LOOKS`` a face has, as the attributes of drawn faces count them: from half of a change on."""
    return [name for name, (on, _) in LOOKS.items() if all(getattr(appearance, field) >= on[field] / 2 for field in on)]


def changed(face: Face, looks: Sequence[str], yaw: float, light: float, smile: float) -> Face:
    """Return a face with other looks, pose, light and smile.

    Args:
        face: the face.
        looks: those of ``LOOKS`` that it shall have; the others are undone. A look that it already has stays as it is.
        yaw: turn of the head in degrees, positive to the picture's right.
        light: azimuth of the lamp in degrees, negative from the left.
        smile: intensity of AU12 (lip corners pulled up) in [0, 1].
    """
    have = looks_of(face.appearance)
    fields: dict[str, float] = {}
    for name, (on, off) in LOOKS.items():
        if (name in looks) != (name in have):
            fields.update(on if name in looks else off)
    units = list(face.action_units)
    if smile != round(max(units[AU_INDEX[12]]), 2):
        units[AU_INDEX[12]] = (smile, smile)
    scene = face.scene.model_copy(update={"yaw": yaw, "light": (light, face.scene.light[1])})
    appearance = face.appearance.model_copy(update=fields)
    return face.model_copy(update={"appearance": appearance, "scene": scene, "action_units": tuple(units)})
