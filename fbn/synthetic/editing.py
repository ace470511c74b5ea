"""Edit faces: change an AU, the expression or the person; load faces from files; animate transitions."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image
from pydantic import ValidationError

from fbn.errors import FormatError
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import typical
from fbn.synthetic.clips import Episode
from fbn.synthetic.parameters import Appearance, Face, Identity
from fbn.synthetic.people import Population, draw_person
from fbn.synthetic.render import Picture, render
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, DECISION, ActionUnit

#: Side of a picture on a page, in pixels.
SIZE = 320
#: Frames per second of an animation. GIF counts in hundredths of a second; many viewers slow frames under 0.02 s down.
RATE = 12.5
#: A face is 2 kB of JSON.
_MAX_BYTES = 64 * 1024
_SIDES = ("left", "right")


def with_unit(face: Face, number: int, value: float, side: int | None = None) -> Face:
    """Return the face with another intensity of one AU.

    Args:
        face: the face to change.
        number: FACS number.
        value: intensity in [0, 1].
        side: 0: the person's left half, 1: the right half, None: both.
    """
    pairs = list(face.action_units)
    i = AU_INDEX[number]
    left, right = pairs[i]
    pairs[i] = (value if side != 1 else left, value if side != 0 else right)
    return face.model_copy(update={"action_units": tuple(pairs)})


def symmetric(face: Face) -> Face:
    """Return the face with each AU's stronger intensity on both sides."""
    return face.model_copy(update={"action_units": tuple((max(pair), max(pair)) for pair in face.action_units)})


def preset(face: Face, table: RelatednessTable, category: str, intensity: float) -> Face:
    """Return the same person with exactly the AUs of weight 0.5 or more in a category's row.

    Raises:
        FormatError: the table has no row for the category.
    """
    return face.with_units(dict(typical(table.row(category), intensity)))


@lru_cache(maxsize=256)
def looks(number: int) -> tuple[Identity, Appearance]:
    """Return identity and appearance of a random person; deterministic in ``number``."""
    person = draw_person(number, Population(), np.random.default_rng((number, 0)))
    return person.pictured(np.random.default_rng((number, 1)))


def person(face: Face, number: int) -> Face:
    """Return the face with another person, ``looks(number)``, and the same AUs, pose and light."""
    identity, appearance = looks(number)
    return face.model_copy(update={"identity": identity, "appearance": appearance})


@lru_cache(maxsize=32)
def picture(face: Face, size: int = SIZE) -> Picture:
    """Render a face as ``render``; the last 32 pictures are cached."""
    return render(face, size)


def unit_levels(face: Face) -> np.ndarray:
    """Return [17] the intensity of each AU's stronger side, in [0, 1], as in FACS coding."""
    return face.intensities.max(-1)


def active_units(values: np.ndarray) -> tuple[ActionUnit, ...]:
    """Return the AUs with a value of 0.5 or more; ``values``: [17]."""
    return tuple(unit for unit, value in zip(ACTION_UNITS, values, strict=True) if value >= DECISION)


def load_face(name: str, contents: bytes) -> Face:
    """Read a face from JSON, as ``Face.model_dump_json`` writes it.

    Args:
        name: name of the file, for messages.
        contents: contents of the file.

    Raises:
        FormatError: too large, not valid JSON, or a field is unknown or out of range; the message names file and field.
    """
    if len(contents) > _MAX_BYTES:
        raise FormatError(f"{name}: {len(contents):,} bytes: expected a face, at most {_MAX_BYTES:,} bytes of JSON")
    try:
        return Face.model_validate_json(contents)
    except ValidationError as error:
        first = error.errors()[0]
        field = _field(first["loc"])
        problem = "expected no such field" if first["type"] == "extra_forbidden" else first["msg"]
        raise FormatError(f"{name}: {field}: {problem}" if field else f"{name}: {problem}") from None


def _field(path: tuple[int | str, ...]) -> str:
    """Format a field's name: ``scene.yaw``, ``action_units, AU12 right``."""
    if len(path) > 1 and path[0] == "action_units":
        side = f" {_SIDES[int(path[2])]}" if len(path) > 2 and path[2] in (0, 1) else ""
        return f"action_units, {ACTION_UNITS[int(path[1])].short}{side}"
    return ".".join(str(part) for part in path)


def transition(
    first: Face, last: Face, seconds: float, hold: float = 0.6, back: bool = True
) -> list[tuple[Face, float]]:
    """Animate the transition from one face to another; only the AUs change, along the curve of ``clips.Episode``.

    Args:
        first: the first face; its person, pose and light are used throughout.
        last: the face with the final AUs.
        seconds: duration of the transition, and of the way back.
        hold: duration of the first and of the last frame, in seconds.
        back: return to the first face, so that the animation loops smoothly.

    Returns:
        (face, duration in seconds) of each frame.
    """
    rise = Episode("", last.action_units, 0.0, seconds, 1.0, seconds)
    steps = max(1, round(seconds * RATE))
    faces = [_between(first, last, rise.envelope(seconds * i / steps)) for i in range(steps + 1)]
    still = max(hold, 1 / RATE)
    path = [(faces[0], still), *((face, 1 / RATE) for face in faces[1:-1]), (faces[-1], still)]
    return path + [(face, 1 / RATE) for face in reversed(faces[1:-1])] if back else path


def _between(first: Face, last: Face, weight: float) -> Face:
    units = ((1 - weight) * first.intensities.astype(float) + weight * last.intensities).clip(0, 1).round(4)
    return first.model_copy(update={"action_units": tuple((left, right) for left, right in units.tolist())})


def gif_bytes(frames: list[tuple[Face, float]], size: int) -> bytes:
    """Render frames as a looping GIF file with one palette, so that colours do not flicker.

    Args:
        frames: (face, duration in seconds) of each frame.
        size: side of the picture in pixels.
    """
    # frames of the way back are repeated faces
    drawn = {face: render(face, size).image for face in {face for face, _ in frames}}
    images = [drawn[face] for face, _ in frames]
    sample = Image.fromarray(np.concatenate(images[:: max(1, len(images) // 8)]))
    palette = sample.quantize(255, Image.Quantize.MEDIANCUT)
    reduced = [Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [round(1000 * seconds) for _, seconds in frames]
    file = BytesIO()
    reduced[0].save(file, "GIF", save_all=True, append_images=reduced[1:], duration=durations, loop=0)
    return file.getvalue()
