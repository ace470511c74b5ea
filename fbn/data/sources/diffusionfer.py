"""DiffusionFER: faces that a diffusion model drew, with expression, valence and arousal by hand."""

from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.affectnet import CODES
from fbn.data.sources.layout import Rejected, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import Expression

NAME = "diffusionfer"
LABELS = "dataset_sheet.csv"
#: Files or folders that only this set has; it has at least one of them.
MARKS = (LABELS,)
_COLUMNS = ("subDirectory_filePath", "valence", "arousal", "expression")
#: Expressions are coded as AffectNet codes them; none is contempt.
_CODES: dict[int, Expression] = {code: expression for code, expression in CODES.items() if expression is not None}


def read(root: Path) -> SourceReading:
    """Read expression, valence and arousal of every picture. The folders' names say what was asked of the model, the
    sheet what people saw: the sheet counts.

    Args:
        root: folder or zip with ``dataset_sheet.csv`` and the pictures it names.

    Raises:
        FormatError: a departure from the layout; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for row in read_table(root, LABELS, _COLUMNS):
        path = row["subDirectory_filePath"]
        if path in seen:
            raise FormatError(f"{row.where}, line {row.line}: {path} listed before, expected one row a picture")
        seen.add(path)
        code = row.get("expression", int, _CODES.__contains__, f"a code from 0 to {max(_CODES)}")
        valence, arousal = (
            row.get(name, float, lambda v: -1 <= v <= 1, "a value in [-1, 1]") for name in ("valence", "arousal")
        )
        if path not in present:
            rejected.append(Rejected(path, row.line, "picture not present"))
            continue
        labels = Annotations.of(_CODES[code], valence_arousal=(valence, arousal))
        samples.append(Sample(NAME, str(root), path, labels))
    return SourceReading(NAME, tuple(samples), tuple(rejected))
