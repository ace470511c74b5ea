"""Naming compound expressions without having learnt any: the zero-shot score of papers A (eq. 12 to 15) and C (4.5).

A class' score is the sum of three terms: how far its action units are there, how probable its basic expressions are,
and, of two classes, whether valence is positive. Shapes as in ``fbn.records``; ``...`` is any batch shape.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import torch
from torch import Tensor

from fbn.errors import FbnError, FormatError
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.vocabulary import (
    AU_NUMBERS,
    CLASSES_EMOTIONET,
    COMPOUND_EXPRESSIONS,
    COMPOUND_RAFDB,
    EXPRESSION_INDEX,
    EXPRESSIONS,
    POSITIVE_VALENCE_COMPOUNDS,
    Expression,
)

#: What scores are divided by before the softmax (fbn's choice). With it the shipped network, which never saw one, is as
#: sure of its first guess as it is often right: .38 and .36 on 330 drawn faces of RAF-DB's eleven classes
#: (``fbn synth rafdb-compound --count 330 --seed 77``). Their cross entropy is least there too; .3 and .4 are as good.
DEFAULT_TEMPERATURE = 0.35
#: Paper A: 1 where valence > 0. C: (v / |v| + 1) / 2, the same but at 0, where C leaves it open and fbn takes 0.5.
Valence = Literal["positive", "sign"]
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


@dataclass(frozen=True)
class Terms:
    """The three terms of the zero-shot score, each [..., C]."""

    action_units: Tensor
    expressions: Tensor
    valence: Tensor

    @property
    def total(self) -> Tensor:
        """[..., C] their sum (eq. 12), in [0, 3]."""
        return self.action_units + self.expressions + self.valence


@dataclass(frozen=True)
class NoneOfThese:
    """The best basic expression that is not among the classes.

    Attributes:
        total: [...] its score by the same formula, less the margin; -inf where there is none to compare.
        expression: [...] long, index into ``EXPRESSIONS``.
        holds: [...] bool, it beats the best class.
    """

    total: Tensor
    expression: Tensor
    holds: Tensor


def names() -> tuple[str, ...]:
    """What ``CompoundClasses.named`` knows: the three sets, then saved tables that have compound rows."""
    saved = []
    for name in Versions().names():
        with contextlib.suppress(FbnError):  # a damaged table is named where tables are edited
            if name not in _SETS and _compounds(resolve(name)):
                saved.append(name)
    return (*_SETS, *saved)


def terms(predictions: Predictions, classes: CompoundClasses, valence: Valence = "positive") -> Terms:
    """The terms of eq. 12 to 15 for each class.

    A class whose name says nothing gets the mean of the others in each term, one without AUs in its row the mean of
    the others' first term; where there are no others, 0. A basic class' second term is p(e|x), neutral's first is
    1 - max_a p(a|x), and happiness counts among those with positive valence (all fbn's choices).

    Args:
        predictions: with all three heads.
        classes: what to score.
        valence: A's third term, or C's.

    Raises:
        FormatError: the network lacks a head.
    """
    if predictions.expression_logits is None or predictions.action_unit_logits is None:
        raise FormatError("compound expressions need a network with expressions, action units and valence")
    if predictions.valence_arousal is None:
        raise FormatError("compound expressions need a network that predicts valence")
    p_e, p_a, v = predictions.expression, predictions.action_units, predictions.valence_arousal[..., :1]
    neutral = [parts == (Expression.NEUTRAL,) for parts in classes.parts]
    rows = p_a.new_tensor(classes.rows)
    total = rows.sum(-1)
    # products and sums, for autocast would round a matrix product to bfloat16
    units = (p_a[..., None, :] * rows).sum(-1) / torch.where(total > 0, total, 1)
    units = torch.where(_mask(neutral, units), 1 - p_a.amax(-1, keepdim=True), units)
    made_of = p_e.new_tensor([[float(e in parts) for e in EXPRESSIONS] for parts in classes.parts])
    expressions = (p_e[..., None, :] * made_of).sum(-1)
    third = (v > 0).to(v) if valence == "positive" else (v.sign() + 1) / 2
    speaks = third * v.new_tensor([float(own) for own in classes.positive])
    known = classes.known
    scored = [k and (n or any(row)) for k, n, row in zip(known, neutral, classes.rows, strict=True)]
    return Terms(_filled(units, scored), _filled(expressions, known), _filled(speaks, known))


def probabilities(total: Tensor, temperature: float = DEFAULT_TEMPERATURE) -> Tensor:
    """[..., C] softmax of scores [..., C] divided by a temperature > 0."""
    return (total / temperature).softmax(-1)


def none_of_these(
    predictions: Predictions,
    classes: CompoundClasses,
    total: Tensor,
    valence: Valence = "positive",
    margin: float = 0.0,
) -> NoneOfThese:
    """Whether a basic expression that is not among the classes explains a face better than all of them.

    As one more entry of the softmax: ``probabilities(torch.cat([total, none.total[..., None]], -1))``.

    Args:
        predictions: as for ``terms``.
        classes: what was scored.
        total: [..., C] their scores; of a network that learnt them, its logits times its temperature.
        valence: as for ``terms``.
        margin: by how much it has to be better, >= 0 (fbn's choice, as is the whole comparison).
    """
    others = _others(classes)
    if others is None:
        nothing = total.new_full(total.shape[:-1], -torch.inf)
        return NoneOfThese(nothing, torch.zeros_like(nothing, dtype=torch.long), nothing > 0)
    best, index = terms(predictions, others, valence).total.max(-1)
    numbers = torch.tensor([EXPRESSION_INDEX[own] for own in others.classes], device=index.device)
    least = best - margin
    return NoneOfThese(least, numbers[index], least > total.amax(-1))


def _others(classes: CompoundClasses) -> CompoundClasses | None:
    """Neutral, and the basic expressions whose row has AUs, that are not among the classes; None without any."""
    if not any(classes.known):
        return None
    rows = {
        e: row
        for e, row in zip(EXPRESSIONS, classes.basic, strict=True)
        if (e,) not in classes.parts and (e == Expression.NEUTRAL or any(row))
    }
    if not rows:
        return None
    positive = tuple(e == Expression.HAPPINESS for e in rows)
    return CompoundClasses("", tuple(rows), tuple(rows.values()), tuple((e,) for e in rows), positive, classes.basic)


def _filled(term: Tensor, known: Sequence[bool]) -> Tensor:
    """[..., C] the term, its mean over the known classes for the others; 0 where none is known."""
    if all(known):
        return term
    mask = _mask(known, term)
    mean = torch.where(mask, term, 0).sum(-1, keepdim=True) / max(sum(known), 1)
    return torch.where(mask, term, mean)


def _mask(values: Sequence[bool], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device)


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
