"""AffectNet (Mollahosseini et al. 2017): expression, valence, arousal and 68 landmarks on colour crops; csv release."""

from collections.abc import Callable
from math import hypot
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, Row, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import EXPRESSIONS, Expression

NAME = "affectnet"
LABELS = "Manually_annotated.csv"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
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
#: The codes of the seven expressions.
EXPRESSION_CODES = {code: expression for code, expression in CODES.items() if expression is not None}
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

    def sample(row: Row, path: str) -> Sample | str:
        code = row.get("expression", int, lambda c: c in CODES or c in _NO_EXPRESSION, "a code from 0 to 10")
        annotations, landmarks = _annotations(row, code), _landmarks(row)
        reason = _NO_EXPRESSION.get(code) or (contradiction(annotations) if clean else None)
        return reason or Sample(NAME, str(root), path, annotations, landmarks=landmarks)

    return read_pictures(root, NAME, LABELS, COLUMNS, sample, f"{FOLDER}/")


def read_pictures(
    root: Path,
    name: str,
    labels: str,
    columns: tuple[str, ...],
    sample: Callable[[Row, str], Sample | str],
    folder: str = "",
) -> SourceReading:
    """Read a csv with one row a picture, whose path is in the column ``subDirectory_filePath``.

    Args:
        root: folder or zip of the data set.
        name: of the data set.
        labels: path of the csv.
        columns: that it must have.
        sample: makes the sample of a row and a picture's path, or returns why there is none.
        folder: of the pictures, with a slash.

    Raises:
        FormatError: a picture is listed twice, or the csv is not valid; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for row in read_table(root, labels, columns):
        path = f"{folder}{row['subDirectory_filePath']}"
        if path in seen:
            raise FormatError(f"{row.where}, line {row.line}: {path} listed before, expected one row a picture")
        seen.add(path)
        made = sample(row, path)
        if path not in present:
            made = "picture not present"
        if isinstance(made, str):
            rejected.append(Rejected(path, row.line, made))
        else:
            samples.append(made)
    return SourceReading(name, tuple(samples), tuple(rejected))


def contradiction(labels: Annotations) -> str | None:
    """Describe the contradiction between expression and valence-arousal, or return None (paper A, 4.3: data cleaning).

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
