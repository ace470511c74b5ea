"""What to choose among: sets of compound expressions, a user's table's, a folder's names."""

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

#: Sets of classes that need no table of the user's; their rows are Du, Tao & Martinez' (2014).
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
#: The name of two expressions' compound; of several (anger with disgust) the one made of their two words.
_NAME_BY_PARTS = {frozenset((c.first, c.second)): name for name, c in reversed(COMPOUND_EXPRESSIONS.items())}


@dataclass(frozen=True)
class CompoundClasses:
    """What to choose among, in the order of the scores; make it with ``of`` or ``named``.

    Attributes:
        name: what the set is called.
        classes: C names.
        rows: [C][17] weights R(c, a); all 0 where the table has no row for the class.
        parts: of each class the basic expressions it is made of: two, one for a basic class, none where its name says
            nothing.
        positive: of each class whether a positive valence speaks for it (eq. 15).
        basic: [7][17] weights of the basic expressions, for what is none of the classes.
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
        """Classes by their names, e.g. of a folder of pictures, with a table's rows.

        A name is understood in any order and spelling of its two words (``Surprisedly_Happy`` is happily surprised).

        Raises:
            FormatError: no class, or one twice.
        """
        known = [_known_name(own) for own in classes]
        return cls(
            name=name,
            classes=tuple(classes),
            rows=_rows(known, table),
            parts=tuple(_parts(own) for own in classes),
            positive=tuple(own in (*POSITIVE_VALENCE_COMPOUNDS, Expression.HAPPINESS) for own in known),
            basic=_rows(EXPRESSIONS, table),
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """``"rafdb"`` (11 classes), ``"emotionet"`` (16), ``"du2014"`` (15), or the compound rows of a table.

        Args:
            name: of a set; else a table as ``fbn.relatedness.resolve`` takes it: a saved name, or a file.

        Raises:
            MissingFileError: no such set or table.
            FormatError: a damaged table, or one without a compound row.
        """
        if name in _SETS:
            return cls.of(_SETS[name], RelatednessTable.named("du2014"), name)
        table = resolve(name)
        if not (own := _compounds(table)):
            raise FormatError(f"{name}: expected a table with rows of compound expressions, it has only basic ones")
        return cls.of(own, table, name)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_dict`` gave, also after a way through JSON. Raises FormatError where it is anything else."""
        try:
            return cls(
                name=str(values["name"]),
                classes=tuple(str(own) for own in values["classes"]),
                rows=_numbers(values["rows"]),
                parts=tuple(tuple(Expression(part) for part in parts) for parts in values["parts"]),
                positive=tuple(bool(own) for own in values["positive"]),
                basic=_numbers(values["basic"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"compound classes: expected name, classes, rows, parts, positive ({error!r})") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @property
    def known(self) -> tuple[bool, ...]:
        """Of each class whether it can be scored zero-shot."""
        return tuple(bool(parts) for parts in self.parts)


def names() -> tuple[str, ...]:
    """What ``CompoundClasses.named`` knows: the three sets, then saved tables that have compound rows."""
    saved = []
    for name in Versions().names():
        with contextlib.suppress(FbnError):  # a damaged table is named where tables are edited
            if name not in _SETS and _compounds(resolve(name)):
                saved.append(name)
    return (*_SETS, *saved)


def _known_name(name: str) -> str | None:
    """The vocabulary's name of a class that is called something like it; None where it has none."""
    if (own := " ".join(_words(name))) in COMPOUND_EXPRESSIONS:
        return own
    parts = _parts(name)
    return parts[0] if len(parts) == 1 else _NAME_BY_PARTS.get(frozenset(parts))


def _parts(name: str) -> tuple[Expression, ...]:
    """The basic expressions that a class' name speaks of; none where it says nothing."""
    words = _words(name)
    if compound := COMPOUND_EXPRESSIONS.get(" ".join(words)):
        return compound.first, compound.second
    parts = tuple(_EXPRESSION_BY_WORD[word] for word in words if word in _EXPRESSION_BY_WORD)
    whole = len(parts) == len(words) == len(set(parts))
    return parts if whole and (len(parts) == 1 or (len(parts) == 2 and Expression.NEUTRAL not in parts)) else ()


def _words(name: str) -> list[str]:
    """The words of a name, also of a folder's: ``03_HappilySurprised``, ``happily-surprised``, ``SAD``."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _rows(categories: Sequence[str | None], table: RelatednessTable) -> Rows:
    """[C][17] a table's rows; zeros where it has none."""
    empty = (0.0,) * len(AU_NUMBERS)
    rows = [table.row(own) if own in table.categories else {} for own in map(str, categories)]
    return tuple(tuple(row.get(number, 0.0) for number in AU_NUMBERS) if row else empty for row in rows)


def _compounds(table: RelatednessTable) -> tuple[str, ...]:
    return tuple(own for own in table.categories if own in COMPOUND_EXPRESSIONS)


def _numbers(rows: Sequence[Sequence[float]]) -> Rows:
    return tuple(tuple(float(weight) for weight in row) for row in rows)
