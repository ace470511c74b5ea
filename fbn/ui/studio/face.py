"""What the Face studio knows, without Streamlit: a face with its history, presets, files, and how a reading differs."""

import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from fbn.errors import FbnError, FormatError
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import typical
from fbn.synthetic.parameters import Appearance, Face, Identity
from fbn.synthetic.people import Population, draw_person
from fbn.synthetic.render import Picture, render
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, DECISION, ActionUnit

#: Side of the picture on the page, pixels; the network reads the same picture.
SIZE = 320
#: A face is 2 kB of JSON, a table with notes 20 kB.
MOST_FACE_BYTES, MOST_TABLE_BYTES = 64 * 1024, 1024 * 1024
_SIDES = ("left", "right")


def with_unit(face: Face, number: int, value: float, side: int | None = None) -> Face:
    """The face with one AU at another intensity, the rest as it was.

    Args:
        face: any.
        number: FACS number.
        value: in [0, 1].
        side: 0 the person's left half, 1 the right one, None both.
    """
    pairs = list(face.action_units)
    place = AU_INDEX[number]
    left, right = pairs[place]
    pairs[place] = (value if side != 1 else left, value if side != 0 else right)
    return face.model_copy(update={"action_units": tuple(pairs)})


def levelled(face: Face) -> Face:
    """The face with both halves as strong as the stronger one."""
    return face.model_copy(update={"action_units": tuple((max(pair), max(pair)) for pair in face.action_units)})


def preset(face: Face, table: RelatednessTable, category: str, intensity: float) -> Face:
    """The same person showing a category's AUs of weight 0.5 or more, and no others.

    Raises:
        FormatError: the table has no row for the category.
    """
    return face.with_units(dict(typical(table.row(category), intensity)))


@lru_cache(maxsize=256)
def looks(number: int) -> tuple[Identity, Appearance]:
    """A made-up person; the same number always gives the same one."""
    person = draw_person(number, Population(), np.random.default_rng((number, 0)))
    return person.pictured(np.random.default_rng((number, 1)))


def person(face: Face, number: int) -> Face:
    """The same movements, pose and light on person ``number``."""
    identity, appearance = looks(number)
    return face.model_copy(update={"identity": identity, "appearance": appearance})


@lru_cache(maxsize=32)
def picture(face: Face, size: int = SIZE) -> Picture:
    """``render``, remembered: undo and a rerun that changes nothing cost nothing."""
    return render(face, size)


def drawn(face: Face) -> np.ndarray:
    """[17] the truth as a coder has it: each AU's stronger half, in [0, 1]."""
    return face.intensities.max(-1)


def active(values: np.ndarray) -> tuple[ActionUnit, ...]:
    """The AUs of [17] values that reach 0.5."""
    return tuple(unit for unit, value in zip(ACTION_UNITS, values, strict=True) if value >= DECISION)


def agree(truth: np.ndarray, read: np.ndarray) -> np.ndarray:
    """[17] bool: both call the AU active, or neither does."""
    return (truth >= DECISION) == (read >= DECISION)


def compared(truth: np.ndarray, read: np.ndarray) -> str:
    """One sentence or two: on how many AUs the two agree, and where they part most."""
    same, gap = agree(truth, read), np.abs(truth - read)
    if same.all():
        return f"Both agree on all {len(ACTION_UNITS)} action units."
    worst = int(np.argmax(np.where(same, -1.0, gap)))
    unit = ACTION_UNITS[worst]
    return (
        f"Both agree on {int(same.sum())} of {len(ACTION_UNITS)}. They part most at **{unit.short} {unit.name}**: "
        f"drawn {truth[worst]:.2f}, read {read[worst]:.2f}."
    )


def load_face(name: str, contents: bytes) -> Face:
    """A face out of the JSON that the page saves.

    Raises:
        FormatError: too large, no JSON, or a field that is unknown or out of range; the message names file and field.
    """
    if len(contents) > MOST_FACE_BYTES:
        raise FormatError(
            f"{name}: {len(contents):,} bytes: expected a face, at most {MOST_FACE_BYTES:,} bytes of JSON"
        )
    try:
        return Face.model_validate_json(contents)
    except ValidationError as error:
        first = error.errors()[0]
        where = _field(first["loc"])
        said = "expected no such field" if first["type"] == "extra_forbidden" else first["msg"]
        raise FormatError(f"{name}: {where}: {said}" if where else f"{name}: {said}") from None


def _field(place: tuple[int | str, ...]) -> str:
    """Where in the file: ``scene.yaw``, ``action_units, AU12 right``."""
    if len(place) > 1 and place[0] == "action_units":
        side = f" {_SIDES[int(place[2])]}" if len(place) > 2 and place[2] in (0, 1) else ""
        return f"action_units, {ACTION_UNITS[int(place[1])].short}{side}"
    return ".".join(str(part) for part in place)


def table_bytes(table: RelatednessTable, suffix: str) -> bytes:
    """A relatedness table as a ``.csv`` or ``.json`` file."""
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{suffix}")
        table.write(path)
        return path.read_bytes()


def load_table(name: str, contents: bytes) -> RelatednessTable:
    """A relatedness table out of an uploaded CSV or JSON file.

    Raises:
        FormatError: too large, or not a table; the message names file, line and cell.
    """
    if len(contents) > MOST_TABLE_BYTES:
        raise FormatError(f"{name}: {len(contents):,} bytes: expected a table, at most {MOST_TABLE_BYTES:,} bytes")
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{Path(name).suffix}")
        path.write_bytes(contents)
        try:
            return RelatednessTable.read(path)
        except FbnError as error:
            raise FormatError(str(error).replace(str(path), name)) from None
