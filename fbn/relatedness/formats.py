"""A relatedness table as text: JSON, and CSV that spreadsheets open. Errors name line, cell and what was expected."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from fbn import sheets
from fbn.errors import FormatError
from fbn.relatedness.notes import Note, Notes, parsed, plain
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, COMPOUND_EXPRESSIONS, EXPRESSIONS

#: Category -> AU number -> weight.
Rows: TypeAlias = Mapping[str, Mapping[int, float]]
CATEGORIES: tuple[str, ...] = (*(e.value for e in EXPRESSIONS), *COMPOUND_EXPRESSIONS)
#: AU code -> number; the CSV's columns.
CODES: dict[str, int] = {unit.code: number for number, unit in ACTION_UNIT_BY_NUMBER.items()}
_PROVENANCE = ("source", "parent", "note")
#: The CSV's column of notes on a row's cells, JSON by AU code; there where a table has notes.
_NOTES = "cell notes"
_DECIMAL_COMMA = re.compile(r"\d*,\d+")
# the mark is how Excel knows UTF-8
_MARK = "\ufeff"


def writer(path: Path) -> Callable[[Rows, Mapping[str, str], Notes], str]:
    """The function for the path's suffix, (rows, provenance, notes) -> text. Raises FormatError for another suffix."""
    return _by_suffix(path, {".json": to_json, ".csv": to_csv})


def reader(path: Path) -> Callable[[str], tuple[Rows, dict[str, str], Notes]]:
    """The function for the path's suffix, text -> (rows, provenance, notes). Raises FormatError for another suffix."""
    return _by_suffix(path, {".json": from_json, ".csv": from_csv})


def to_json(rows: Rows, provenance: Mapping[str, str], notes: Notes) -> str:
    """Provenance, then rows by category and AU code, then notes alike if there are any."""
    data: dict[str, Any] = {
        **provenance,
        "rows": {c: {ACTION_UNIT_BY_NUMBER[n].code: w for n, w in row.items()} for c, row in rows.items()},
    }
    if notes:
        data["notes"] = {c: _coded(notes, c) for c in dict.fromkeys(category for category, _ in notes)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[Rows, dict[str, str], Notes]:
    """What ``to_json`` wrote."""
    try:
        data = json.loads(text, object_pairs_hook=_each_once)
    except ValueError as error:
        raise FormatError(f"expected JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("rows"), dict):
        raise FormatError('expected an object with "source" and "rows": {category: {"AU12": weight}}')
    rows: dict[str, dict[int, float]] = {}
    for category, cells in data["rows"].items():
        if not isinstance(cells, dict):
            raise FormatError(f"rows, {category}: expected an object of AU codes and weights")
        rows[category] = {}
        for code, value in cells.items():
            if (number := _number(code, f"rows, {category}")) in rows[category]:
                raise FormatError(f"rows, {category}: expected each AU once, but AU{number} stands there twice")
            rows[category][number] = _weight(value, f"{category}, {code}")
    provenance = {name: "" if data.get(name) is None else data[name] for name in _PROVENANCE}
    for name, value in provenance.items():
        if not isinstance(value, str):
            raise FormatError(f"{name} = {value!r}: expected a text")
    if not isinstance(by_category := data.get("notes") or {}, dict):
        raise FormatError("notes: expected an object of categories")
    notes: dict[tuple[str, int], Note] = {}
    for category, found in by_category.items():
        notes |= _decoded(found, category, "notes, ")
    return rows, provenance, notes


def _coded(notes: Notes, category: str) -> dict[str, dict[str, str]]:
    """The notes of a row by AU code."""
    return {ACTION_UNIT_BY_NUMBER[n].code: plain(note) for (c, n), note in notes.items() if c == category}


def _decoded(found: Any, category: str, where: str) -> dict[tuple[str, int], Note]:
    """What ``_coded`` made."""
    if not isinstance(found, dict):
        raise FormatError(f"{where}{category}: expected an object of AU codes and notes")
    return {
        (category, _number(code, f"{where}{category}")): parsed(value, f"{where}{category}, {code}")
        for code, value in found.items()
    }


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FormatError(f"expected each name once in an object, but {', '.join(twice)} stands there twice")
    return dict(pairs)


def to_csv(rows: Rows, provenance: Mapping[str, str], notes: Notes) -> str:
    """A row per category, a column per AU, 1 for a prototypical AU; the first row carries the provenance."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(["category", *CODES, *_PROVENANCE, *([_NOTES] if notes else [])])
    for i, (category, weights) in enumerate(rows.items()):
        tail = [provenance[name] if i == 0 else "" for name in _PROVENANCE]
        if notes:
            coded = _coded(notes, category)
            tail.append(json.dumps(coded, ensure_ascii=False) if coded else "")
        sheet.writerow([category, *(text(weights.get(number)) for number in CODES.values()), *tail])
    return _MARK + out.getvalue()


def from_csv(text: str) -> tuple[Rows, dict[str, str], Notes]:
    """What ``to_csv`` wrote, also after a spreadsheet saved it: see ``fbn.sheets``; decimal commas are read too."""
    sheet = sheets.read(text)
    first, *names = sheet.header
    if first.casefold() != "category":
        found = ",".join(sheet.header)[:60]
        raise FormatError(f'line {sheet.line}: expected a header "category,AU01,..." but found {found!r}')
    columns = [_column(name, f"line {sheet.line}") for name in names]
    if twice := {str(name) for name in columns if columns.count(name) > 1}:
        raise FormatError(
            f"line {sheet.line}: expected each column once, but {', '.join(sorted(twice))} stands there twice"
        )
    rows: dict[str, dict[int, float]] = {}
    provenance = dict.fromkeys(_PROVENANCE, "")
    notes: dict[tuple[str, int], Note] = {}
    for line, (name, *cells) in sheet.rows:
        category = " ".join(re.split(r"[\s_-]+", name.strip())).lower()
        if category not in CATEGORIES or category in rows:
            wrong = "stands there twice" if category in rows else "is not a known category"
            raise FormatError(f"line {line}: {name!r} {wrong}: expected each of {', '.join(CATEGORIES)} once")
        rows[category] = {}
        for column, cell in zip(columns, cells, strict=True):
            if column == _NOTES:
                notes |= _decoded(_json(cell, f"line {line}, {_NOTES}"), category, f"line {line}, {_NOTES}, ")
            elif isinstance(column, str):
                provenance[column] = provenance[column] or cell
            elif value := cell.strip():
                value = value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else value
                rows[category][column] = _weight(value, f"line {line}: {category}, AU{column}")
    return rows, provenance, notes


def _column(name: str, where: str) -> str | int:
    known = name.lower()
    return known if known in (*_PROVENANCE, _NOTES) else _number(name, where)


def _json(cell: str, where: str) -> Any:
    try:
        return json.loads(cell or "{}", object_pairs_hook=_each_once)
    except ValueError as error:
        raise FormatError(f"{where}: expected JSON: {error}") from None


def text(weight: float | None) -> str:
    """Shortest text that reads back to the same weight; 1 marks a prototypical AU, "" none."""
    return "" if not weight else "1" if weight == 1 else repr(float(weight))


def _by_suffix(path: Path, functions: dict[str, Callable]) -> Callable:
    if path.suffix.lower() not in functions:
        raise FormatError(f"{path}: expected a name ending in .csv or .json")
    return functions[path.suffix.lower()]


def _number(code: str, where: str) -> int:
    digits = code.strip().upper().removeprefix("AU").strip(" _-")
    if not digits.isascii() or not digits.isdigit() or int(digits) not in ACTION_UNIT_BY_NUMBER:
        raise FormatError(f"{where}: unknown column or AU {code!r}: expected one of {', '.join(CODES)}")
    return int(digits)


def _weight(value: Any, where: str) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if not 0 <= weight <= 1 or isinstance(value, bool):
        raise FormatError(f"{where} = {value!r}: expected a weight in [0, 1], empty for none")
    return weight
