"""Table layouts: those of fbn, and those of OpenFace and py-feat for tools that read their files.

In fbn's layouts the columns of compound expressions come last, the smoothed ones after the others.

Columns that fbn does not measure are empty: OpenFace's gaze, pose, AU intensities (``_r``), AU45 and AU28; py-feat's
pose, AU11, AU28 and AU43. AU24 has no OpenFace column.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from fbn.inference.results import Affect, FaceResult, FrameResult
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, DECISION, EXPRESSION_INDEX, EXPRESSIONS

Value = str | int | float | None
_PLACE = ("input", "frame", "timestamp", "face_id", "box_x", "box_y", "box_w", "box_h", "face_score")
_AFFECT = ("expression", *(e.value for e in EXPRESSIONS), "valence", "arousal", *(au.code for au in ACTION_UNITS))


@dataclass(frozen=True)
class TableLayout:
    """The columns, and the function that makes the row of a face, or of a frame without a face."""

    columns: tuple[str, ...]
    row: Callable[[FrameResult, FaceResult | None], Sequence[Value]]


def with_compounds(name: str, classes: Sequence[str]) -> TableLayout:
    """Add columns to a layout: ``compound``, the most probable class or "none of these", and a probability per class.

    Cells of classes that a face was not scored for are empty.

    Args:
        name: ``"fbn"`` or ``"fbn_smooth"``.
        classes: names in the order of the columns, ``compound_happily_surprised`` and so on.
    """
    base, names = LAYOUTS[name], ["compound", *map(column_name, classes)]
    if name == "fbn_smooth":
        names += [f"{column}_smooth" for column in names]
    columns = list(base.columns)
    for column in names:
        numbered = (f"{column}_{number}" for number in count(2))
        columns.append(column if column not in columns else next(new for new in numbered if new not in columns))

    def row(frame: FrameResult, face: FaceResult | None) -> Sequence[Value]:
        affects = [face.affect if face else None]
        if name == "fbn_smooth":
            affects.append(face.smoothed if face else None)
        return [*base.row(frame, face), *(cell for affect in affects for cell in _compounds(affect, classes))]

    return TableLayout(tuple(columns), row)


def column_name(compound: str) -> str:
    """Return the column name of a class: ``compound_happily_surprised`` for ``happily surprised``."""
    words = re.sub(r"[\W_]+", "_", _text(compound).lower()).strip("_")
    return f"compound_{words}"


def _compounds(affect: Affect | None, classes: Sequence[str]) -> list[Value]:
    if affect is None or affect.scorer is None:
        return [None] * (1 + len(classes))
    values = dict(zip(affect.scorer.classes.classes, _numbers(affect.compound), strict=True))
    return [affect.compound_label, *(values.get(compound) for compound in classes)]


def _text(name: str) -> str:
    """Escape bytes that are not valid UTF-8, which file names may contain."""
    return name.encode("utf-8", "backslashreplace").decode()


def _numbers(values: np.ndarray) -> list[Value]:
    """Replace NaN, where the network lacks a head, by an empty cell."""
    return [None if np.isnan(value) else float(value) for value in values]


def _affect(affect: Affect) -> list[Value]:
    numbers = np.concatenate([affect.expression, affect.valence_arousal, affect.action_units])
    return [affect.label and affect.label.value, *_numbers(numbers)]


def _place(frame: FrameResult, face: FaceResult | None) -> list[Value]:
    where: list[Value] = [None] * 6
    if face is not None:
        where = [face.face_id, face.box.x, face.box.y, face.box.w, face.box.h, face.score]
    return [_text(frame.input), frame.index, frame.timestamp, *where]


def _fbn(frame: FrameResult, face: FaceResult | None) -> list[Value]:
    return _place(frame, face) + (_affect(face.affect) if face else [None] * len(_AFFECT))


def _fbn_smooth(frame: FrameResult, face: FaceResult | None) -> list[Value]:
    smoothed = face.smoothed if face else None
    return _fbn(frame, face) + (_affect(smoothed) if smoothed else [None] * len(_AFFECT))


_GAZE = (*(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz"), "gaze_angle_x", "gaze_angle_y")
_POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
_OPENFACE_R = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
_OPENFACE_C = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)


def _openface(frame: FrameResult, face: FaceResult | None) -> list[Value]:
    empty: list[Value] = [None] * (len(_GAZE) + len(_POSE) + len(_OPENFACE_R))
    present: list[Value] = [None] * len(_OPENFACE_C)
    if face is not None:
        units = face.affect.action_units
        present = [
            int(units[AU_INDEX[n]] >= DECISION) if n in AU_INDEX and not np.isnan(units[AU_INDEX[n]]) else None
            for n in _OPENFACE_C
        ]
    known: list[Value] = [frame.index + 1, face.face_id if face else 0, frame.timestamp]
    return [*known, face.score if face else 0.0, int(face is not None), *empty, *present, _text(frame.input)]


_FEX_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
_FEX_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def _fex(frame: FrameResult, face: FaceResult | None) -> list[Value]:
    time = f"{int(frame.timestamp // 60):02d}:{int(frame.timestamp % 60):02d}"
    last: list[Value] = [_text(frame.input), frame.index, time]
    if face is None:
        return [None] * (8 + len(_FEX_AUS) + len(_FEX_EMOTIONS) + 2) + [*last, None]
    box, affect = face.box, face.affect
    units = [affect.action_units[AU_INDEX[n]] if n in AU_INDEX else np.nan for n in _FEX_AUS]
    emotions = [affect.expression[EXPRESSION_INDEX[name]] for name in _FEX_EMOTIONS]
    read = _numbers(np.array([*units, *emotions, *affect.valence_arousal]))
    return [box.x, box.y, box.w, box.h, face.score, None, None, None, *read, *last, f"Person_{face.face_id}"]


#: Layouts by name; ``fbn_smooth`` is ``fbn`` followed by the smoothed values.
LAYOUTS: dict[str, TableLayout] = {
    "fbn": TableLayout((*_PLACE, *_AFFECT), _fbn),
    "fbn_smooth": TableLayout((*_PLACE, *_AFFECT, *(f"{name}_smooth" for name in _AFFECT)), _fbn_smooth),
    "openface": TableLayout(
        (
            *("frame", "face_id", "timestamp", "confidence", "success", *_GAZE, *_POSE),
            *(f"AU{n:02d}_r" for n in _OPENFACE_R),
            *(f"AU{n:02d}_c" for n in _OPENFACE_C),
            "input",
        ),
        _openface,
    ),
    "fex": TableLayout(
        (
            *("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", "Pitch", "Roll", "Yaw"),
            *(f"AU{n:02d}" for n in _FEX_AUS),
            *_FEX_EMOTIONS,
            *("valence", "arousal", "input", "frame", "approx_time", "Identity"),
        ),
        _fex,
    ),
}
