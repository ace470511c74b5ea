"""Tables as spreadsheets and editors save them: one table, however it was saved; what cannot be read is named."""

import pytest

from fbn.errors import FormatError
from fbn.sheets import decode, read

ROWS = [("a b.jpg", "happy"), ("ä.jpg", "sad; or not, |")]


def saved(delimiter: str, end: str = "\n", encoding: str = "utf-8", top: str = "", space: str = "") -> bytes:
    rows = [("file", "class"), *ROWS]
    lines = (f"{delimiter}{space}".join(f'"{cell}"{space}' for cell in row) for row in rows)
    return (top + "".join(line + end for line in lines)).encode(encoding)


@pytest.mark.parametrize(
    "content",
    [
        *(saved(delimiter) for delimiter in ",;\t|"),
        *(saved(";", end) for end in ("\r\n", "\r", "\n\n", " \n\t\n")),
        *(saved("\t", "\r\n", encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig")),
        b"\xfe\xff" + saved("\t", "\r\n", "utf-16-be"),
        saved(";", top="sep=;\r\n"),
        saved(",", space=" "),
        saved(";", "\n").rstrip(),
        saved(";", ";;\n"),
    ],
)
def test_one_table_however_it_was_saved(content: bytes) -> None:
    sheet = read(decode(content))
    assert sheet.header == ("file", "class")
    assert [tuple(cell.strip() for cell in cells) for _, cells in sheet.rows] == ROWS


def test_rows_know_their_lines() -> None:
    sheet = read('sep=;\n\nfile;class\n\na;b\n"c\nd";e\nf;g\n')
    assert (sheet.line, [line for line, _ in sheet.rows]) == (3, [5, 7, 8])


def test_a_column_without_a_name_stays_where_something_is_in_it() -> None:
    assert read("a,b,\n1,2,3\n").header == ("a", "b", "")
    assert read("a\n1\n").rows == ((2, ("1",)),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: expected a header"),
        (" \n\n", "line 1: expected a header"),
        ("a,b\n1,2\n1\n", r"line 3 \(1\): 1 cells, expected 2 as in line 1"),
        ("a,b\n1,2,3\n", r"line 2 \(1\): 3 cells, expected 2"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 4: not a row of cells"),
        ('a,b\n"1"x,2\n', "line 2: not a row of cells"),
    ],
)
def test_what_is_no_table_is_named_by_line(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\nä,ö\n".encode("latin-1"), "line 2: expected UTF-8 text, found byte 0xe4"),
        ("\ufeffa,b\n".encode() + b"\xff", "line 2: expected UTF-8 text, found byte 0xff"),
        (b"PK\x03\x04 and so on", "workbook: save it as CSV UTF-8"),
        (b"\xff\xfea\0b", "line 1: expected UTF-8 text, found broken UTF-16"),
    ],
)
def test_what_is_no_text_is_told(content: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        decode(content)
