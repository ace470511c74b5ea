"""s-Aff-Wild2 (Kollias 2022): frames of Aff-Wild2 with the labels of all three tasks, for multi-task learning."""

from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources import affwild2
from fbn.data.sources.layout import Rejected, SourceReading, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Sample

NAME = "saffwild2"
LABELS = {"training_set_annotations.txt": "train", "validation_set_annotations.txt": "valid"}
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = tuple(LABELS)
#: Number of columns of the header, and of a line: path, valence, arousal, expression and AUs.
_HEADER, _FIELDS = 5, 4 + len(affwild2.UNITS_ABAW3)


def read(root: Path) -> SourceReading:
    """Read the rows; missing labels are masked for each task separately.

    Args:
        root: folder or zip with ``cropped_aligned/<video>/00001.jpg`` and ``training_set_annotations.txt``,
            ``validation_set_annotations.txt`` or both.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    if not present & set(LABELS):
        raise FormatError(f"{root}: no label file, expected {' or '.join(LABELS)}")
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for path, part in LABELS.items():
        for line, text in enumerate(read_lines(root, path) if path in present else (), start=1):
            where = f"{root}: {path}, line {line}"
            fields = [value.strip() for value in text.split(",")]
            if line == 1:
                # the header names the AUs as one column
                if len(fields) != _HEADER:
                    raise FormatError(f"{where}: {len(fields)} columns, expected a header of {_HEADER}")
                continue
            if not text.strip():
                continue
            if len(fields) != _FIELDS:
                raise FormatError(
                    f"{where}: {len(fields)} fields, expected {_FIELDS}: "
                    f"video/00001.jpg, valence, arousal, expression and {len(affwild2.UNITS_ABAW3)} AUs"
                )
            name, *marks = fields
            if name.count("/") != 1 or not name.endswith(".jpg"):
                raise FormatError(f"{where}: {name!r}, expected video/00001.jpg")
            if name in seen:
                raise FormatError(f"{where}: {name} listed before, expected one row a picture")
            seen.add(name)
            labels = Annotations.of(
                affwild2.expression(marks[2], affwild2.CODES_ABAW3, f"{where}, expression"),
                affwild2.action_units(affwild2.UNITS_ABAW3, marks[3:], f"{where}, AUs"),
                affwild2.valence_arousal(marks[:2], f"{where}, valence and arousal"),
            )
            picture = f"{affwild2.PICTURES}/{name}"
            weights = (labels.expression_weight, labels.action_units_weight, labels.valence_arousal_weight)
            if picture not in present:
                rejected.append(Rejected(picture, line, "picture not present"))
            elif not any(weight.any() for weight in weights):
                rejected.append(Rejected(picture, line, "nothing annotated"))
            else:
                subject = affwild2.video_of(name.split("/")[0])
                samples.append(Sample(NAME, str(root), picture, labels, part=part, subject=subject))
    return SourceReading(NAME, tuple(samples), tuple(rejected))
