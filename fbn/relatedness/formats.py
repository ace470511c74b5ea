"""Text formats of relatedness tables: JSON and CSV. Error messages give line, cell and the expected value."""

import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from fbn import sheets
from fbn.errors import FormatError
from fbn.relatedness.notes import Column, Note, Notes, note_from_dict, note_to_dict
from fbn.tasks import ACTION_UNITS, ATTRIBUTES, EXPRESSION, Task, identity, named, serialise
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, COMPOUND_EXPRESSIONS

#: Row -> column -> weight.
Rows: TypeAlias = Mapping[str, Mapping[Column, float]]
#: Possible rows and columns of a table of expressions and action units.
ROWS = EXPRESSION.plus(*COMPOUND_EXPRESSIONS)
COLUMNS = replace(ACTION_UNITS, labels=tuple(unit.short for unit in ACTION_UNIT_BY_NUMBER.values()))
CATEGORIES: tuple[str, ...] = ROWS.labels
Tasks: TypeAlias = tuple[Task, Task]
#: AU code -> number; the CSV's columns.
CODES: dict[str, int] = {unit.code: number for number, unit in ACTION_UNIT_BY_NUMBER.items()}
_PROVENANCE = ("source", "parent", "note")
#: CSV column with the notes on the cells of a row, JSON by AU code; only in tables with notes.
_NOTES = "cell notes"
#: Columns of a CSV that hold no weights.
_TEXTS = (*_PROVENANCE, _NOTES)
#: First column of a CSV of expressions, and of one of people.
_CATEGORY, _IDENTITY = "category", identity(["-"]).name
_DECIMAL_COMMA = re.compile(r"\d*,\d+")
#: JSON key of the row and column tasks, if they are not expressions and action units.
_TASKS = "tasks"
# Excel recognises UTF-8 by the byte order mark
_BYTE_ORDER_MARK = "\ufeff"


def places(columns: Task) -> dict[Column, int]:
    """Map columns to their indices; action units are named by FACS number, other columns by label."""
    units = columns.name == ACTION_UNITS.name
    return {int(label.removeprefix("AU")) if units else label: i for i, label in enumerate(columns.labels)}


def title(column: Column) -> str:
    """Return the display name of a column."""
    return f"AU{column}" if isinstance(column, int) else column


def code(column: Column) -> str:
    """Return the name of a column in files."""
    return ACTION_UNIT_BY_NUMBER[column].code if isinstance(column, int) else column


def writer(path: Path) -> Callable[[Rows, Mapping[str, str], Notes, Tasks], str]:
    """Return the writer for the path's suffix: (rows, provenance, notes, tasks) -> text.

    Raises FormatError for another suffix."""
    return _by_suffix(path, {".json": to_json, ".csv": to_csv})


def reader(path: Path) -> Callable[[str], tuple[Rows, dict[str, str], Notes, Tasks]]:
    """Return the parser for the path's suffix: text -> (rows, provenance, notes, tasks).

    Raises FormatError for another suffix."""
    return _by_suffix(path, {".json": from_json, ".csv": from_csv})


def to_json(rows: Rows, provenance: Mapping[str, str], notes: Notes, tasks: Tasks) -> str:
    """Write provenance, tasks (unless expressions and AUs), rows by category and AU code, and notes to JSON."""
    data: dict[str, Any] = dict(provenance)
    if not _are_expressions_and_aus(tasks):
        data[_TASKS] = {"rows": serialise(tasks[0]), "columns": serialise(tasks[1])}
    data["rows"] = {c: {code(n): w for n, w in row.items()} for c, row in rows.items()}
    if notes:
        data["notes"] = {c: _notes_of(notes, c) for c in dict.fromkeys(category for category, _ in notes)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _are_expressions_and_aus(tasks: Tasks) -> bool:
    return ROWS.covers(tasks[0]) and tasks[1] == COLUMNS


def from_json(text: str) -> tuple[Rows, dict[str, str], Notes, Tasks]:
    """Parse the output of ``to_json``. Raises FormatError."""
    try:
        data = json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise FormatError(f"expected JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("rows"), dict):
        raise FormatError('expected an object with "source" and "rows": {category: {"AU12": weight}}')
    try:
        given = data.get(_TASKS)
        tasks = (named(given["rows"]), named(given["columns"])) if given else (ROWS, COLUMNS)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{_TASKS}: expected a task for rows and columns ({error})") from None
    rows: dict[str, dict[Column, float]] = {}
    for category, cells in data["rows"].items():
        if not isinstance(cells, dict):
            raise FormatError(f"rows, {category}: expected an object of AU codes and weights")
        rows[category] = {}
        for name, value in cells.items():
            if (column := _column_of(name, tasks[1], f"rows, {category}")) in rows[category]:
                raise FormatError(f"rows, {category}: expected each AU once, but {title(column)} stands there twice")
            rows[category][column] = _weight(value, f"{category}, {name}")
    provenance = {name: "" if data.get(name) is None else data[name] for name in _PROVENANCE}
    for name, value in provenance.items():
        if not isinstance(value, str):
            raise FormatError(f"{name} = {value!r}: expected a text")
    if not isinstance(by_category := data.get("notes") or {}, dict):
        raise FormatError("notes: expected an object of categories")
    notes: dict[tuple[str, Column], Note] = {}
    for category, found in by_category.items():
        notes |= _parse_notes(found, category, "notes, ", tasks[1])
    return rows, provenance, notes, tasks


def _column_of(name: str, columns: Task, where: str) -> Column:
    if columns.name == ACTION_UNITS.name:
        return _number(name, where)
    if name not in columns.labels:
        raise FormatError(f"{where}: unknown column {name!r}: expected one of {', '.join(columns.labels)}")
    return name


def _notes_of(notes: Notes, category: str) -> dict[str, dict[str, str]]:
    """Return the notes of a row by AU code."""
    return {code(n): note_to_dict(note) for (c, n), note in notes.items() if c == category}


def _parse_notes(found: Any, category: str, where: str, columns: Task = COLUMNS) -> dict[tuple[str, Column], Note]:
    """Invert ``_notes_of``."""
    if not isinstance(found, dict):
        raise FormatError(f"{where}{category}: expected an object of AU codes and notes")
    return {
        (category, _column_of(name, columns, f"{where}{category}")): note_from_dict(value, f"{where}{category}, {name}")
        for name, value in found.items()
    }


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise FormatError(f"expected each name once in an object, but {', '.join(twice)} stands there twice")
    return found


def to_csv(rows: Rows, provenance: Mapping[str, str], notes: Notes, tasks: Tasks) -> str:
    """Write a row per category and a column per AU, 1 for a prototypical AU; the first row has the provenance.

    A table of identities and attributes has a row per person and a column per attribute.

    Raises:
        FormatError: other tasks.
    """
    if _are_expressions_and_aus(tasks):
        first, columns = _CATEGORY, CODES
    elif tasks[0].name == _IDENTITY and tasks[1].kind == "binary":
        first, columns = _IDENTITY, places(tasks[1])
    else:
        raise FormatError(f"a table of {tasks[0].title} and {tasks[1].title}: expected a name ending in .json")
    out = io.StringIO()
    sheet = sheets.Writer(out)
    sheet.writerow([first, *columns, *_PROVENANCE, *([_NOTES] if notes else [])])
    keys = list(CODES.values()) if first == _CATEGORY else list(columns)
    for i, (category, weights) in enumerate(rows.items()):
        tail = [provenance[name] if i == 0 else "" for name in _PROVENANCE]
        if notes:
            coded = _notes_of(notes, category)
            tail.append(json.dumps(coded, ensure_ascii=False) if coded else "")
        sheet.writerow([category, *(text(weights.get(key)) for key in keys), *tail])
    return _BYTE_ORDER_MARK + out.getvalue()


def from_csv(text: str) -> tuple[Rows, dict[str, str], Notes, Tasks]:
    """Parse the output of ``to_csv``, also if saved by a spreadsheet (``fbn.sheets``) or with decimal commas.

    The first column is ``category`` in a table of expressions and AUs, ``identity`` in one of people and attributes.
    """
    sheet = sheets.read(text)
    first, *names = sheet.header
    first = first.casefold()
    if first not in (_CATEGORY, _IDENTITY):
        found = ",".join(sheet.header)[:60]
        raise FormatError(
            f'line {sheet.line}: expected a header "category,AU01,..." or "identity,Male,..." but found {found!r}'
        )
    of_people = first == _IDENTITY
    columns = [_column(name, f"line {sheet.line}", of_people) for name in names]
    if twice := sorted(str(name) for name, times in Counter(columns).items() if times > 1):
        raise FormatError(f"line {sheet.line}: expected each column once, but {', '.join(twice)} stands there twice")
    labels = [str(name) for name in columns if name not in _TEXTS]
    if of_people and not (labels and all(labels)):
        raise FormatError(f'line {sheet.line}: expected the names of attributes after "identity"')
    binary = _attributes(labels) if of_people else COLUMNS
    rows: dict[str, dict[Column, float]] = {}
    provenance = dict.fromkeys(_PROVENANCE, "")
    notes: dict[tuple[str, Column], Note] = {}
    for line, (name, *cells) in sheet.rows:
        row = name.strip() if of_people else " ".join(re.split(r"[\s_-]+", name.strip())).lower()
        if row in rows or not (row if of_people else row in CATEGORIES):
            wrong = "stands there twice" if row in rows else "is not a known category"
            expected = "the name or number of each person" if of_people else f"each of {', '.join(CATEGORIES)}"
            raise FormatError(f"line {line}: {name!r} {wrong}: expected {expected} once")
        rows[row] = {}
        for column, cell in zip(columns, cells, strict=True):
            if column == _NOTES:
                found = _json(cell, f"line {line}, {_NOTES}")
                notes |= _parse_notes(found, row, f"line {line}, {_NOTES}, ", binary)
            elif column in _PROVENANCE:
                provenance[str(column)] = provenance[str(column)] or cell
            elif value := cell.strip():
                value = value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else value
                rows[row][column] = _weight(value, f"line {line}: {row}, {title(column)}")
    return rows, provenance, notes, (identity(rows) if of_people else ROWS, binary)


def _attributes(labels: list[str]) -> Task:
    """Return the task of some attributes: CelebA's if they all are CelebA's, whatever their order."""
    return ATTRIBUTES if set(labels) == set(ATTRIBUTES.labels) else replace(ATTRIBUTES, labels=tuple(labels))


def _column(name: str, where: str, of_people: bool) -> Column:
    known = name.strip().lower()
    if known in _TEXTS:
        return known
    return name.strip() if of_people else _number(name, where)


def _json(cell: str, where: str) -> Any:
    try:
        return json.loads(cell or "{}", object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise FormatError(f"{where}: expected JSON: {error}") from None


def text(weight: float | None) -> str:
    """Format a weight as the shortest text with the same value; "" for none."""
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
