"""RAF-DB (Li, Deng & Du 2017): aligned pictures, each with a basic or one of eleven compound expressions."""

import re
from collections.abc import Mapping
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import COMPOUND_RAFDB, Expression

NAME, COMPOUND = "rafdb", "rafdb-compound"
FOLDER = "EmoLabel"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (FOLDER,)
COMPOUND_FOLDER = f"compound/{FOLDER}"
#: Spelled like this in the release.
_LIST = "list_patition_label.txt"
_PICTURE = re.compile(r"(train|test)_\d+\.jpg")
_BASIC_CODES = {
    1: Expression.SURPRISE,
    2: Expression.FEAR,
    3: Expression.DISGUST,
    4: Expression.HAPPINESS,
    5: Expression.SADNESS,
    6: Expression.ANGER,
    7: Expression.NEUTRAL,
}
_COMPOUND_CODES = dict(enumerate(COMPOUND_RAFDB, start=1))


def read(root: Path) -> SourceReading:
    """Read the basic expressions.

    Args:
        root: folder or zip with ``EmoLabel/list_patition_label.txt`` and ``Image/aligned/``.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    return _read(root, NAME, "", _BASIC_CODES)


def read_compound(root: Path) -> SourceReading:
    """Read the compound expressions into ``Sample.compound``.

    Args:
        root: folder or zip with ``compound/EmoLabel/list_patition_label.txt`` and ``compound/Image/aligned/``.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    return _read(root, COMPOUND, "compound/", _COMPOUND_CODES)


def _read(root: Path, name: str, prefix: str, codes: Mapping[int, str]) -> SourceReading:
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for line, text in enumerate(read_lines(root, path := f"{prefix}{FOLDER}/{_LIST}"), start=1):
        if not text.strip():
            continue
        where = f"{root}: {path}, line {line}"
        if len(fields := text.split()) != 2 or not (match := _PICTURE.fullmatch(fields[0])):
            raise FormatError(f"{where}: {text!r}, expected train_00001.jpg or test_0001.jpg and a code")
        label = codes[parse(fields[1], int, codes.__contains__, where, f"a code from 1 to {len(codes)}")]
        if fields[0] in seen:
            raise FormatError(f"{where}: {fields[0]} listed before, expected one row a picture")
        seen.add(fields[0])
        picture = f"{prefix}Image/aligned/{fields[0].removesuffix('.jpg')}_aligned.jpg"
        if picture not in present:
            rejected.append(Rejected(picture, line, "picture not present"))
            continue
        basic = isinstance(label, Expression)
        labels = Annotations.of(label) if basic else Annotations.empty()
        compound = "" if basic else label
        samples.append(Sample(name, str(root), picture, labels, part=match[1], compound=compound))
    return SourceReading(name, tuple(samples), tuple(rejected))
