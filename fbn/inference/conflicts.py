"""Contradictions between a network's predictions and a relatedness table."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from fbn.losses.coupling import mixture_of_rows
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import ACTION_UNITS, DECISION, EXPRESSIONS, ActionUnit

#: Least difference of implied and predicted probability that counts as a conflict (fbn's choice).
MARGIN = 0.3
Kind = Literal["missing", "unexplained", "unnamed"]


@dataclass(frozen=True)
class Conflict:
    """Two predictions that contradict each other under the table.

    Attributes:
        kind: ``"missing"``: the expressions imply an AU that is not predicted; ``"unexplained"``: an AU is predicted
            that no probable expression has; ``"unnamed"``: all AUs of an improbable expression are predicted.
        subject: name of the AU or expression, e.g. ``"AU12"`` or ``"happiness"``.
        implied: probability that the table implies, in [0, 1].
        seen: probability that the network predicts, in [0, 1].
        description: human-readable description.
    """

    kind: Kind
    subject: str
    implied: float
    seen: float
    description: str

    @property
    def gap(self) -> float:
        """Absolute difference of implied and predicted probability, in [0, 1]."""
        return abs(self.implied - self.seen)


def conflicts(predictions: Predictions, table: RelatednessTable, margin: float = MARGIN) -> tuple[Conflict, ...]:
    """Find contradictions between the predictions for one face and a table, largest gap first.

    The test is conservative: an AU is missing relative to the weighted mixture, sum_e p(e|x) R(e, a), and unexplained
    relative to the binary one, sum_e p(e|x) R01(e, a). The two probabilities must also lie on different sides of 0.5.
    AUs and expressions without weights in the table have no conflicts.

    Args:
        predictions: predictions of one face, batch shape [] or [1], with expression and AU logits.
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
        if _contradict(seen, least, margin):
            found.append(Conflict("missing", unit.short, least, seen, _missing(unit, e, weights[:, i], least, seen)))
        elif allowed[:, i].any() and _contradict(most, seen, margin):
            description = _unexplained(unit, e, allowed[:, i], most, seen)
            found.append(Conflict("unexplained", unit.short, most, seen, description))
    for i, name in enumerate(EXPRESSIONS):
        units_of = allowed[i] > 0
        if units_of.any() and _contradict(float(e[i]), implied := float(a[units_of].min()), margin):
            units = _list([unit.short for unit, has in zip(ACTION_UNITS, units_of.tolist(), strict=True) if has])
            says = f"{units} {'says' if units_of.sum() == 1 else 'all at once say'} {name.value}"
            description = f"{says} (at least {implied:.2f} each); {name.value} seen {float(e[i]):.2f}"
            found.append(Conflict("unnamed", name.value, implied, float(e[i]), description))
    return tuple(sorted(found, key=lambda conflict: -conflict.gap))


def single(predictions: Predictions) -> Predictions:
    """Return the predictions of one face with batch shape [], in float64."""
    e, a = predictions.expression_logits, predictions.action_unit_logits
    for head, values in (("expression", e), ("action unit", a)):
        if values is None:
            raise ValueError(f"this network has no {head} head")
        if values.numel() != values.shape[-1]:
            raise ValueError(f"{head} logits {list(values.shape)}: expected one face")
    return Predictions.of(e.detach().reshape(-1).double().cpu(), a.detach().reshape(-1).double().cpu())  # type: ignore[union-attr]


def _contradict(low: float, high: float, margin: float) -> bool:
    return low < DECISION <= high and high - low >= margin


def _contributors(e: Tensor, weights: Tensor) -> list[str]:
    """Return the expressions that have an AU with their probabilities, largest contribution first."""
    parts = {name.value: (float(p * w), float(p)) for name, p, w in zip(EXPRESSIONS, e, weights, strict=True) if w > 0}
    order = sorted(parts, key=lambda name: -parts[name][0])
    top = parts[order[0]][0]
    return [f"{name} {parts[name][1]:.2f}" for name in order if parts[name][0] >= max(0.2 * top, 0.05)] or [
        f"{order[0]} {parts[order[0]][1]:.2f}"
    ]


def _missing(unit: ActionUnit, e: Tensor, weights: Tensor, implied: float, seen: float) -> str:
    contributors = _contributors(e, weights)
    verb = "imply" if len(contributors) > 1 else "implies"
    share = "" if abs(implied - float((e * (weights > 0)).sum())) < 0.005 else f" with {implied:.2f}"
    return f"{_list(contributors)} {verb} {unit.short}{share}; seen {seen:.2f}"


def _unexplained(unit: ActionUnit, e: Tensor, allowed: Tensor, implied: float, seen: float) -> str:
    likely, first = EXPRESSIONS[int(e.argmax())], _contributors(e, allowed)[0]
    if float(allowed[EXPRESSIONS.index(likely)]):
        return f"{unit.short} seen {seen:.2f}; expressions that have it come to {implied:.2f}"
    lacking = f"which {likely.value} {float(e.max()):.2f} lacks"
    return f"{unit.short} seen {seen:.2f}, {lacking}; the likeliest that has it is {first}"


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
