"""Classes of compound expressions: built-in sets, those of a relatedness table, or given by names."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from fbn.errors import FbnError, FormatError
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.vocabulary import (
    AU_NUMBERS,
    CLASSES_EMOTIONET,
    COMPOUND_EXPRESSIONS,
    COMPOUND_RAFDB,
    EXPRESSIONS,
    POSITIVE_VALENCE_COMPOUNDS,
    Expression,
)

Rows = tuple[tuple[float, ...], ...]

#: Built-in sets of classes; their rows are those of Du, Tao & Martinez (2014).
_SETS: dict[str, tuple[str, ...]] = {
    "rafdb": COMPOUND_RAFDB,
    "emotionet": CLASSES_EMOTIONET,
    "du2014": tuple(COMPOUND_EXPRESSIONS),
}
_WORDS = {
    Expression.NEUTRAL: "neutral",
    Expression.ANGER: "anger angry angrily",
    Expression.DISGUST: "disgust disgusted disgustedly",
    Expression.FEAR: "fear fearful fearfully",
    Expression.HAPPINESS: "happiness happy happily",
    Expression.SADNESS: "sadness sad sadly",
    Expression.SURPRISE: "surprise surprised surprisedly",
}
_EXPRESSION_BY_WORD = {word: expression for expression, words in _WORDS.items() for word in words.split()}
#: Basic expressions -> name; of several names (anger with disgust) the one that contains both words.
_NAME_BY_PARTS = {frozenset((c.first, c.second)): name for name, c in reversed(COMPOUND_EXPRESSIONS.items())}


@dataclass(frozen=True)
class CompoundClasses:
    """A set of classes, in the order of the scores; construct it with ``of`` or ``named``.

    Attributes:
        name: name of the set.
        classes: C names.
        rows: [C][17] weights R(c, a); all 0 if the table has no row for the class.
        parts: [C] the basic expressions of each class: two for a compound, one for a basic class, none for an unknown
            name.
        positive: [C] whether positive valence increases the score of the class (eq. 15).
        basic: [7][17] weights of the basic expressions, to detect faces that show none of the classes.
    """

    name: str
    classes: tuple[str, ...]
    rows: Rows
    parts: tuple[tuple[Expression, ...], ...]
    positive: tuple[bool, ...]
    basic: Rows = ((0.0,) * len(AU_NUMBERS),) * len(EXPRESSIONS)

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise FormatError(f"classes {list(self.classes)}: expected at least one, and each once")
        counts = {len(getattr(self, field.name)) for field in fields(self)[1:5]}
        lengths = {len(row) for row in (*self.rows, *self.basic)}
        if len(counts) > 1 or lengths != {len(AU_NUMBERS)} or len(self.basic) != len(EXPRESSIONS):
            raise FormatError(f"{self.name}: expected a row of {len(AU_NUMBERS)} weights and parts for each class")

    @classmethod
    def of(cls, classes: Sequence[str], table: RelatednessTable, name: str = "") -> Self:
        """Construct classes from their names, e.g. names of folders, with the rows of a table.

        The two words of a name may have any order and spelling (``Surprisedly_Happy`` is happily surprised).

        Raises:
            FormatError: no class, or a duplicate one.
        """
        known = [_known_name(label) for label in classes]
        return cls(
            name=name,
            classes=tuple(classes),
            rows=_rows(known, table),
            parts=tuple(_parts(label) for label in classes),
            positive=tuple(label in (*POSITIVE_VALENCE_COMPOUNDS, Expression.HAPPINESS) for label in known),
            basic=_rows(EXPRESSIONS, table),
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """``"rafdb"`` (11 classes), ``"emotionet"`` (16), ``"du2014"`` (15), or the compound rows of a table.

        Args:
            name: name of a set; else a table as in ``fbn.relatedness.resolve``: a saved name, or a file.

        Raises:
            MissingFileError: no such set or table.
            FormatError: a damaged table, or one without compound rows.
        """
        if name in _SETS:
            return cls.of(_SETS[name], RelatednessTable.named("du2014"), name)
        table = resolve(name)
        if not (compounds := _compounds(table)):
            raise FormatError(f"{name}: expected a table with rows of compound expressions, it has only basic ones")
        return cls.of(compounds, table, name)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Invert ``to_dict``, also after a round trip through JSON. Raises FormatError for other values."""
        try:
            return cls(
                name=str(values["name"]),
                classes=tuple(str(label) for label in values["classes"]),
                rows=_numbers(values["rows"]),
                parts=tuple(tuple(Expression(part) for part in parts) for parts in values["parts"]),
                positive=tuple(bool(value) for value in values["positive"]),
                basic=_numbers(values["basic"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"compound classes: expected name, classes, rows, parts, positive ({error!r})") from None

    def to_dict(self) -> dict[str, Any]:
        """Convert to a dictionary of JSON-serialisable values."""
        return asdict(self)

    @property
    def known(self) -> tuple[bool, ...]:
        """[C] whether each class can be scored zero-shot."""
        return tuple(bool(parts) for parts in self.parts)


def names() -> tuple[str, ...]:
    """List the names for ``CompoundClasses.named``: the built-in sets, then saved tables with compound rows."""
    saved = []
    for name in Versions().names(of_expressions=True):
        with contextlib.suppress(FbnError):  # the table editor reports damaged tables
            if name not in _SETS and _compounds(resolve(name)):
                saved.append(name)
    return (*_SETS, *saved)


def _known_name(name: str) -> str | None:
    """Map a class name to the vocabulary's name; None if there is none."""
    if (spaced := " ".join(_words(name))) in COMPOUND_EXPRESSIONS:
        return spaced
    parts = _parts(name)
    return parts[0] if len(parts) == 1 else _NAME_BY_PARTS.get(frozenset(parts))


def _parts(name: str) -> tuple[Expression, ...]:
    """Return the basic expressions in a class name; empty for an unknown name."""
    words = _words(name)
    if compound := COMPOUND_EXPRESSIONS.get(" ".join(words)):
        return compound.first, compound.second
    parts = tuple(_EXPRESSION_BY_WORD[word] for word in words if word in _EXPRESSION_BY_WORD)
    whole = len(parts) == len(words) == len(set(parts))
    return parts if whole and (len(parts) == 1 or (len(parts) == 2 and Expression.NEUTRAL not in parts)) else ()


def _words(name: str) -> list[str]:
    """Split a name into lower-case words: ``03_HappilySurprised``, ``happily-surprised``, ``SAD``."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _rows(categories: Sequence[str | None], table: RelatednessTable) -> Rows:
    """Return [C][17] rows of a table; zeros for missing ones."""
    empty = (0.0,) * len(AU_NUMBERS)
    rows = [table.row(label) if label in table.categories else {} for label in map(str, categories)]
    return tuple(tuple(row.get(number, 0.0) for number in AU_NUMBERS) if row else empty for row in rows)


def _compounds(table: RelatednessTable) -> tuple[str, ...]:
    return tuple(label for label in table.categories if label in COMPOUND_EXPRESSIONS)


def _numbers(rows: Sequence[Sequence[float]]) -> Rows:
    return tuple(tuple(float(weight) for weight in row) for row in rows)
