"""Tables that people make, as spreadsheets and editors save them: read alike wherever fbn reads one."""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TextIO

from fbn.errors import FormatError

_DELIMITERS = (",", ";", "\t", "|")
#: First bytes of what spreadsheets save when they do not save text: .xlsx and .ods, .xls.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class TextTable:
    """A table's text.

    Attributes:
        header: cells of the first line that holds something, without space around them.
        line: its number in the file, from 1.
        rows: the others' numbers and cells as they stand, as many as the header's; empty lines are left out.
    """

    header: tuple[str, ...]
    line: int
    rows: tuple[tuple[int, tuple[str, ...]], ...]


class Writer:
    """Writes rows as CSV with lines that end in LF, as pandas writes them; cells with any line end are quoted.

    Args:
        file: text, opened with ``newline=""``.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        # csv quotes a carriage return only where lines end in one: so they do until they are written
        self._rows = csv.writer(self, lineterminator="\r\n")
        self.writerow, self.writerows = self._rows.writerow, self._rows.writerows

    def write(self, line: str) -> None:
        """What ``csv`` calls with each line."""
        self._file.write(line.removesuffix("\r\n") + "\n")


def decode(content: bytes) -> str:
    """The text of a file: UTF-8 with a mark or without, or UTF-16, which Excel calls Unicode text.

    Raises:
        FormatError: another encoding, with the line where it shows, or a workbook.
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
    """Split a table into cells: by commas, semicolons, tabs or bars, whichever the first line has most of.

    Quotes may hold any of them and have space around them, lines may end as on any system, and Excel's ``sep=;``
    may stand on top. Empty columns at the right, as spreadsheets leave them, are dropped.

    Raises:
        FormatError: no line, a quote that does not end, or a row with more or fewer cells than the header.
    """
    text = text.removeprefix("\ufeff")
    skipped, delimiter = 0, None
    if told := re.match(r'"?sep=(.)"?[\t ]*(\r\n|\r|\n|$)', text, re.IGNORECASE):
        skipped, delimiter, text = 1, told[1], text[told.end() :]
    first = next((line for line in text.splitlines() if line.strip()), "")
    if delimiter is None:
        # of equally many the earlier
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
    # space between a quote and the delimiter, which is no part of the cell; only where needed: it may be the cell's own
    return _cells(re.sub(rf'" +(?={re.escape(delimiter)}|[\r\n]|$)', '"', text), delimiter, skipped, True)


def _cells(text: str, delimiter: str, skipped: int, spaced: bool = False) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=spaced, strict=True)
    try:
        return [(reader.line_num + skipped, cells) for cells in reader if "".join(cells).strip()]
    except csv.Error as error:
        raise FormatError(f"line {reader.line_num + skipped}: not a row of cells ({error})") from None
