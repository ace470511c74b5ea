"""What people write beside a cell of a relatedness table: who set it, why, and on what grounds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from fbn.errors import FormatError


@dataclass(frozen=True)
class Note:
    """A remark on one cell; any part may be "".

    Attributes:
        who: who set the cell.
        why: the reason.
        source: publication, data set or observation it rests on.
    """

    who: str = ""
    why: str = ""
    source: str = ""


#: What a table's column is called: an action unit by its FACS number, anything else by its label.
Column: TypeAlias = Any
#: (row, column) -> note.
Notes: TypeAlias = Mapping[tuple[str, Column], Note]
_PARTS = ("who", "why", "source")


def plain(note: Note) -> dict[str, str]:
    """The note's parts that say something, by name."""
    return {name: part for name, part in asdict(note).items() if part}


def parsed(value: Any, where: str) -> Note:
    """What ``plain`` made. Raises FormatError that begins with ``where``."""
    if not isinstance(value, dict) or not all(k in _PARTS and isinstance(v, str) for k, v in value.items()):
        raise FormatError(f"{where} = {value!r}: expected an object of texts named {', '.join(_PARTS)}")
    return Note(**value)
