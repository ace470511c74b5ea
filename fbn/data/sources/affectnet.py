"""AffectNet (Mollahosseini et al. 2017): expression, valence, arousal and 68 landmarks on colour crops; csv release."""

from math import hypot
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, Row, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import EXPRESSIONS, Expression

NAME = "affectnet"
LABELS = "Manually_annotated.csv"
#: Files or folders by which this data set is recognised; any one of them suffices.
MARKS = (LABELS,)
FOLDER = "Manually_Annotated_Images"
COLUMNS = (
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height"),
    *("facial_landmarks", "expression", "valence", "arousal"),
)
#: Expression codes; the csv release has further codes up to 10, the npy release ends at 7.
CODES: dict[int, Expression | None] = {
    0: Expression.NEUTRAL,
    1: Expression.HAPPINESS,
    2: Expression.SADNESS,
    3: Expression.SURPRISE,
    4: Expression.FEAR,
    5: Expression.DISGUST,
    6: Expression.ANGER,
    7: None,  # contempt: not one of the 7 classes, but valence and arousal are used
}
_NO_EXPRESSION = {8: "no expression (code 8)", 9: "uncertain (code 9)", 10: "no face (code 10)"}
MISSING = -2.0
_POINTS = 68


def read(root: Path, clean: bool = False) -> SourceReading:
    """Read expressions and valence-arousal; a sample has both if both are annotated.

    Args:
        root: folder or zip with ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``.
        clean: also reject pictures whose two labels contradict each other (``contradiction``).

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for row in read_table(root, LABELS, COLUMNS):
        path = f"{FOLDER}/{row['subDirectory_filePath']}"
        if path in seen:
            raise FormatError(f"{row.where}, line {row.line}: {path} listed before, expected one row a picture")
        seen.add(path)
        code = row.get("expression", int, lambda c: c in CODES or c in _NO_EXPRESSION, "a code from 0 to 10")
        annotations, landmarks = _annotations(row, code), _landmarks(row)
        reason = _NO_EXPRESSION.get(code) or (contradiction(annotations) if clean else None)
        if path not in present:
            reason = "picture not present"
        if reason is not None:
            rejected.append(Rejected(path, row.line, reason))
        else:
            samples.append(Sample(NAME, str(root), path, annotations, landmarks=landmarks))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def contradiction(labels: Annotations) -> str | None:
    """Describe the contradiction between expression and valence-arousal, or return None (paper A 4.3, data cleaning).

    Neutral requires a radius under 0.15; sadness, disgust and fear a negative valence; anger a negative valence and a
    positive arousal; happiness a positive valence. A picture without both labels has no contradiction.
    """
    if not (labels.expression_weight > 0 and labels.valence_arousal_weight > 0):
        return None
    valence, arousal = labels.valence_arousal.tolist()
    match EXPRESSIONS[int(labels.expression.argmax())]:
        case Expression.NEUTRAL if not hypot(valence, arousal) < 0.15:
            return "cleaning: neutral with a radius of 0.15 or more"
        case Expression.SADNESS | Expression.DISGUST | Expression.FEAR as e if not valence < 0:
            return f"cleaning: {e} without negative valence"
        case Expression.ANGER if not (valence < 0 and arousal > 0):
            return "cleaning: anger without negative valence and positive arousal"
        case Expression.HAPPINESS if not valence > 0:
            return "cleaning: happiness without positive valence"
    return None


def _annotations(row: Row, code: int) -> Annotations:
    valence, arousal = (
        row.get(name, float, lambda v: -1 <= v <= 1 or v == MISSING, "a value in [-1, 1], or -2 where missing")
        for name in ("valence", "arousal")
    )
    both = (valence, arousal) if MISSING not in (valence, arousal) else None
    return Annotations.of(CODES.get(code), valence_arousal=both)


def _landmarks(row: Row) -> tuple[tuple[float, float], ...]:
    def numbers(text: str) -> list[float]:
        return [float(part) for part in text.split(";")]

    finite = row.get(
        "facial_landmarks",
        numbers,
        lambda v: len(v) == 2 * _POINTS and all(abs(x) < 1e6 for x in v),
        f"{2 * _POINTS} numbers x;y;x;y;...",
    )
    return tuple(zip(finite[::2], finite[1::2], strict=True))
