"""The adapters' return type, and strict parsing of label files with errors that name file and line."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fbn.data.pictures import read_file
from fbn.errors import FormatError
from fbn.records import Sample

T = TypeVar("T")


@dataclass(frozen=True)
class Rejected:
    """A row that gives no sample.

    Attributes:
        path: path of its picture, or "" if it names none.
        line: line of the label file, from 1; 0 if a whole file was rejected.
        reason: the reason; the same text for the same cause.
    """

    path: str
    line: int
    reason: str


@dataclass(frozen=True)
class SourceReading:
    """The samples and rejected rows of a data set's label files. No picture has been decoded."""

    name: str
    samples: tuple[Sample, ...]
    rejected: tuple[Rejected, ...]


def read_lines(root: Path, path: str) -> list[str]:
    """Return the lines of a label file.

    Raises:
        MissingFileError: the file does not exist.
        FormatError: it is not UTF-8 text.
    """
    try:
        return read_file(root, path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"{root}: {path}: expected UTF-8 text ({error})") from error


class Row:
    """One row of a csv, by column name; errors name file, line and column."""

    def __init__(self, where: str, line: int, values: dict[str, str]) -> None:
        self.where, self.line, self.values = where, line, values

    def __getitem__(self, column: str) -> str:
        return self.values[column].strip()

    def get(self, column: str, convert: Callable[[str], T], valid: Callable[[T], bool], expected: str) -> T:
        """Convert and check the value of a column.

        Raises:
            FormatError: ``convert`` fails or ``valid`` is False; the message contains ``expected``.
        """
        return parse(self[column], convert, valid, f"{self.where}, line {self.line}, {column}", expected)


def parse(text: str, convert: Callable[[str], T], valid: Callable[[T], bool], where: str, expected: str) -> T:
    """Return ``convert(text)`` if it is ``valid``; otherwise raise FormatError with ``where`` and ``expected``."""
    try:
        if valid(value := convert(text)):
            return value
    except ValueError:
        pass
    raise FormatError(f"{where}: {text!r}, expected {expected}")


def read_table(root: Path, path: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a csv whose header must contain ``columns``, in any order.

    Raises:
        FormatError: a column is missing, or a row has fewer or more fields than the header.
    """
    where = f"{root}: {path}"
    reader = csv.reader(io.StringIO("\n".join(read_lines(root, path))))
    header = [name.strip() for name in next(reader, [])]
    if missing := [name for name in columns if name not in header]:
        raise FormatError(f"{where}, line 1: no column {missing}, expected the header {','.join(columns)}")
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            raise FormatError(f"{where}, line {reader.line_num}: {len(fields)} fields, expected {len(header)}")
        yield Row(where, reader.line_num, dict(zip(header, fields, strict=True)))
