"""Notes on the cells of a relatedness table: author, reason and source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from fbn.errors import FormatError


@dataclass(frozen=True)
class Note:
    """A note on one cell; any field may be "".

    Attributes:
        who: author of the weight.
        why: reason for the weight.
        source: publication, data set or observation that supports it.
    """

    who: str = ""
    why: str = ""
    source: str = ""


#: Name of a column: the FACS number of an action unit, else the label.
Column: TypeAlias = Any
#: (row, column) -> note.
Notes: TypeAlias = Mapping[tuple[str, Column], Note]
_PARTS = ("who", "why", "source")


def note_to_dict(note: Note) -> dict[str, str]:
    """Convert the non-empty fields of a note to a dictionary."""
    return {name: part for name, part in asdict(note).items() if part}


def note_from_dict(value: Any, where: str) -> Note:
    """Invert ``note_to_dict``. Raises FormatError with a message that begins with ``where``."""
    if not isinstance(value, dict) or not all(k in _PARTS and isinstance(v, str) for k, v in value.items()):
        raise FormatError(f"{where} = {value!r}: expected an object of texts named {', '.join(_PARTS)}")
    return Note(**value)
