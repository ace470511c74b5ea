"""Read and write text tables (CSV and relatives) as spreadsheets and editors save them."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TextIO

from fbn.errors import FormatError

_DELIMITERS = (",", ";", "\t", "|")
#: First bytes of workbook files: .xlsx and .ods, .xls.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class TextTable:
    """The cells of a table.

    Attributes:
        header: cells of the first non-empty line, stripped.
        line: line number of the header, from 1.
        rows: line number and cells of each further non-empty line; as many cells as the header has, not stripped.
    """

    header: tuple[str, ...]
    line: int
    rows: tuple[tuple[int, tuple[str, ...]], ...]


class Writer:
    """Write CSV rows that end in LF, as pandas does; cells that contain any line end are quoted.

    Args:
        file: text file, opened with ``newline=""``.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        # csv quotes a carriage return only if the line terminator contains one; write() replaces the terminator
        self._rows = csv.writer(self, lineterminator="\r\n")
        self.writerow, self.writerows = self._rows.writerow, self._rows.writerows

    def write(self, line: str) -> None:
        """Write one line; called by ``csv``."""
        self._file.write(line.removesuffix("\r\n") + "\n")


def decode(content: bytes) -> str:
    """Decode a text file: UTF-8 with or without a byte-order mark, or UTF-16 (Excel's "Unicode text").

    Raises:
        FormatError: another encoding (the message names the line), or a workbook.
    """
    if content.startswith(_WORKBOOKS):
        raise FormatError("expected text, found a spreadsheet's workbook: save it as CSV UTF-8")
    content, encoding = content.removeprefix(codecs.BOM_UTF8), "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content[1::2].count(0) > len(content) // 4:
        encoding = "utf-16-le"
    elif content[::2].count(0) > len(content) // 4:
        encoding = "utf-16-be"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        wrong = f"byte 0x{content[error.start]:02x}" if encoding == "utf-8" else "broken UTF-16"
        remedy = "save it as UTF-8, in a spreadsheet as CSV UTF-8"
        raise FormatError(f"line {line}: expected UTF-8 text, found {wrong}: {remedy}") from None


def read(text: str) -> TextTable:
    """Split a table into cells. The delimiter is the most frequent of comma, semicolon, tab and bar in the first line.

    Quoted cells may contain delimiters and have space around them. Any line ending and Excel's first line ``sep=;``
    are accepted. Empty columns at the right, as spreadsheets leave them, are dropped.

    Raises:
        FormatError: no line, an unterminated quote, or a row with more or fewer cells than the header.
    """
    text = text.removeprefix("\ufeff")
    skipped, delimiter = 0, None
    if declared := re.match(r'"?sep=(.)"?[\t ]*(\r\n|\r|\n|$)', text, re.IGNORECASE):
        skipped, delimiter, text = 1, declared[1], text[declared.end() :]
    first = next((line for line in text.splitlines() if line.strip()), "")
    if delimiter is None:
        # ties: the earlier in _DELIMITERS
        delimiter = max(_DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
    lines = _split(text, delimiter, skipped)
    if not lines:
        raise FormatError("line 1: expected a header, found nothing")
    (line, header), *rows = lines
    header = [name.strip() for name in header]
    width = len(header)
    while width > 1 and not header[width - 1] and not any("".join(cells[width - 1 :]).strip() for _, cells in rows):
        width -= 1
    for number, cells in rows:
        if len(cells) < width or "".join(cells[width:]).strip():
            raise FormatError(
                f"line {number} ({cells[0].strip()[:40]}): {len(cells)} cells, expected {width} as in line {line}"
            )
    return TextTable(tuple(header[:width]), line, tuple((number, tuple(cells[:width])) for number, cells in rows))


def _split(text: str, delimiter: str, skipped: int) -> list[tuple[int, list[str]]]:
    spaced = re.search(rf'(^|{re.escape(delimiter)}) +"', text, re.MULTILINE)
    try:
        if not spaced:
            return _cells(text, delimiter, skipped)
    except FormatError:
        pass
    # remove space between a quote and the delimiter, only if needed: it may belong to the cell
    return _cells(re.sub(rf'" +(?={re.escape(delimiter)}|[\r\n]|$)', '"', text), delimiter, skipped, True)


def _cells(text: str, delimiter: str, skipped: int, spaced: bool = False) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=spaced, strict=True)
    try:
        return [(reader.line_num + skipped, cells) for cells in reader if "".join(cells).strip()]
    except csv.Error as error:
        raise FormatError(f"line {reader.line_num + skipped}: not a row of cells ({error})") from None
