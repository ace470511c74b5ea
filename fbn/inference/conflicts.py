"""Statements about one face that a relatedness table does not let stand together."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from fbn.losses.coupling import mixture_of_rows
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import ACTION_UNITS, DECISION, EXPRESSIONS, ActionUnit

#: A statement is in conflict from this distance between what is implied and what is seen on (fbn's choice).
MARGIN = 0.3
Kind = Literal["missing", "unexplained", "unnamed"]


@dataclass(frozen=True)
class Conflict:
    """Two statements that cannot both be right, if the table is.

    Attributes:
        kind: ``"missing"``: the expressions imply an AU that is not seen; ``"unexplained"``: an AU is seen that none
            of the likely expressions has; ``"unnamed"``: all AUs of an expression are seen, but it is unlikely.
        subject: the AU's or the expression's name, e.g. ``"AU12"`` or ``"happiness"``.
        implied: probability that the table implies, in [0, 1].
        seen: probability that the network reads, in [0, 1].
        words: the statement as a sentence.
    """

    kind: Kind
    subject: str
    implied: float
    seen: float
    words: str

    @property
    def gap(self) -> float:
        """Distance between implied and seen, in [0, 1]."""
        return abs(self.implied - self.seen)


def conflicts(predictions: Predictions, table: RelatednessTable, margin: float = MARGIN) -> tuple[Conflict, ...]:
    """Statements about one face that the table does not let stand together, the widest gap first.

    Each is given the benefit of the doubt: an AU is missing only against the table's own weights, sum_e p(e|x) R(e, a),
    and unexplained only against every expression that may show it, sum_e p(e|x) R01(e, a). Both must fall on different
    sides of 0.5 too. AUs and expressions that the table does not speak of are in no conflict.

    Args:
        predictions: one face's, of batch shape [] or [1], with expression and AU logits.
        table: relatedness of expressions and AUs.
        margin: least gap, in [0, 1].

    Raises:
        ValueError: a head is missing, or there is more than one face.
    """
    face = single(predictions)
    e, a = face.expression, face.action_units
    weights, allowed = table.matrix(), table.matrix(binary=True)
    at_least, _ = mixture_of_rows(e, table, binary=False)
    at_most, _ = mixture_of_rows(e, table, binary=True)
    found = []
    for i, unit in enumerate(ACTION_UNITS):
        seen, least, most = float(a[i]), float(at_least[i]), float(at_most[i])
        if _part_ways(seen, least, margin):
            found.append(Conflict("missing", unit.short, least, seen, _missing(unit, e, weights[:, i], least, seen)))
        elif allowed[:, i].any() and _part_ways(most, seen, margin):
            words = _unexplained(unit, e, allowed[:, i], most, seen)
            found.append(Conflict("unexplained", unit.short, most, seen, words))
    for i, name in enumerate(EXPRESSIONS):
        own = allowed[i] > 0
        if own.any() and _part_ways(float(e[i]), implied := float(a[own].min()), margin):
            units = _list([unit.short for unit, has in zip(ACTION_UNITS, own.tolist(), strict=True) if has])
            says = f"{units} {'says' if own.sum() == 1 else 'all at once say'} {name.value}"
            words = f"{says} (at least {implied:.2f} each); {name.value} seen {float(e[i]):.2f}"
            found.append(Conflict("unnamed", name.value, implied, float(e[i]), words))
    return tuple(sorted(found, key=lambda conflict: -conflict.gap))


def single(predictions: Predictions) -> Predictions:
    """One face of batch shape [], in double precision."""
    e, a = predictions.expression_logits, predictions.action_unit_logits
    for head, values in (("expression", e), ("action unit", a)):
        if values is None:
            raise ValueError(f"this network has no {head} head")
        if values.numel() != values.shape[-1]:
            raise ValueError(f"{head} logits {list(values.shape)}: expected one face")
    return Predictions.of(e.detach().reshape(-1).double().cpu(), a.detach().reshape(-1).double().cpu())  # type: ignore[union-attr]


def _part_ways(low: float, high: float, margin: float) -> bool:
    return low < DECISION <= high and high - low >= margin


def _speakers(e: Tensor, weights: Tensor) -> list[str]:
    """Expressions that have an AU, with their probability, those that matter most first."""
    shares = {name.value: (float(p * w), float(p)) for name, p, w in zip(EXPRESSIONS, e, weights, strict=True) if w > 0}
    order = sorted(shares, key=lambda name: -shares[name][0])
    top = shares[order[0]][0]
    return [f"{name} {shares[name][1]:.2f}" for name in order if shares[name][0] >= max(0.2 * top, 0.05)] or [
        f"{order[0]} {shares[order[0]][1]:.2f}"
    ]


def _missing(unit: ActionUnit, e: Tensor, weights: Tensor, implied: float, seen: float) -> str:
    speakers = _speakers(e, weights)
    verb = "imply" if len(speakers) > 1 else "implies"
    share = "" if abs(implied - float((e * (weights > 0)).sum())) < 0.005 else f" with {implied:.2f}"
    return f"{_list(speakers)} {verb} {unit.short}{share}; seen {seen:.2f}"


def _unexplained(unit: ActionUnit, e: Tensor, allowed: Tensor, implied: float, seen: float) -> str:
    likely, speaker = EXPRESSIONS[int(e.argmax())], _speakers(e, allowed)[0]
    if float(allowed[EXPRESSIONS.index(likely)]):
        return f"{unit.short} seen {seen:.2f}; expressions that have it come to {implied:.2f}"
    lacking = f"which {likely.value} {float(e.max()):.2f} lacks"
    return f"{unit.short} seen {seen:.2f}, {lacking}; the likeliest that has it is {speaker}"


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
