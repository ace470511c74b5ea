"""EmotioNet (Benitez-Quiroz et al. 2016): pictures from the web with AUs, and basic or compound expressions."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, read_lines, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import AU_NUMBERS, CLASSES_EMOTIONET, EXPRESSION_INDEX

NAME = "emotionet"
UNITS, CLASSES, PICTURES = "emotionet_aus.txt", "emotionet_classes.csv", "images"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (UNITS, CLASSES)
_N_UNITS = 60
#: Two columns of URLs come first, so that AU n is in column n + 1, counted from 0.
_URLS = 2
_MARKS = {"0": 0.0, "1": 1.0}


def read(root: Path) -> SourceReading:
    """Read AUs, classes or both; a picture in both files is one sample.

    EmotioNet is released as lists of URLs whose file names are not documented. fbn expects the AU table as
    ``emotionet_aus.txt``, the classes as ``emotionet_classes.csv`` (columns ``file,class``), and each picture in
    ``images/`` under the last component of its URL.

    Args:
        root: folder or zip with ``images/`` and one of the two label files, or both.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    if not present & {UNITS, CLASSES}:
        raise FormatError(f"{root}: no label file, expected {UNITS} or {CLASSES}")
    faces: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}
    for path, rows in ((UNITS, _units), (CLASSES, _classes)):
        for line, name, labels in rows(root) if path in present else ():
            picture = f"{PICTURES}/{name}"
            if set(faces.setdefault(picture, {})) & set(labels):
                raise FormatError(f"{root}: {path}, line {line}: {picture} listed before, expected one row a picture")
            faces[picture].update(labels)
            lines.setdefault(picture, line)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    for picture, labels in faces.items():
        if picture not in present:
            rejected.append(Rejected(picture, lines[picture], "picture not present"))
        elif not any(labels.values()):
            rejected.append(Rejected(picture, lines[picture], "nothing annotated"))
        else:
            compound = labels.get("compound", "")
            annotations = Annotations.of(labels.get("expression"), labels.get("action_units"))
            samples.append(Sample(NAME, str(root), picture, annotations, compound=compound))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _units(root: Path) -> list[tuple[int, str, dict[str, Any]]]:
    rows = []
    for line, text in enumerate(read_lines(root, UNITS), start=1):
        if not text.strip():
            continue
        where = f"{root}: {UNITS}, line {line}"
        if len(fields := [value.strip() for value in text.split("\t")]) != _URLS + _N_UNITS:
            raise FormatError(
                f"{where}: {len(fields)} fields, expected two URLs and {_N_UNITS} AUs with tabs between them"
            )
        if not (name := Path(urlparse(fields[0]).path).name):
            raise FormatError(f"{where}: {fields[0]!r}, expected the URL of a picture")
        marks = {number: _MARKS.get(fields[number + 1]) for number in AU_NUMBERS}
        rows.append((line, name, {"action_units": {n: mark for n, mark in marks.items() if mark is not None}}))
    return rows


def _classes(root: Path) -> list[tuple[int, str, dict[str, Any]]]:
    header = (read_lines(root, CLASSES) or [""])[0]
    if [name.strip() for name in header.split(",")] != ["file", "class"]:
        raise FormatError(f"{root}: {CLASSES}, line 1: {header!r}, expected the header file,class")
    rows = []
    for row in read_table(root, CLASSES, ("file", "class")):
        name = row.get("file", str, bool, "a picture's file name")
        label = row.get("class", str, CLASSES_EMOTIONET.__contains__, f"one of {', '.join(CLASSES_EMOTIONET)}")
        basic = label in EXPRESSION_INDEX
        rows.append((row.line, name, {"expression": label if basic else None, "compound": "" if basic else label}))
    return rows
