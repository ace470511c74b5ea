"""The training objective: a weighted sum of loss terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fbn.losses.terms import Term, term
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable


@dataclass(frozen=True)
class Objective:
    """L = sum over terms of weight * loss (A eq. 2 plus the coupling losses).

    Attributes:
        terms: name -> ``Term``, given as a term, a weight, or a mapping of options. A name is one of
            ``fbn.losses.TERMS`` or the name of a task. Terms of weight 0 are not computed.
        table: relatedness table of the coupling terms.

    Raises:
        FormatError: an unknown term or option, or a number out of range.

    Example:
        >>> import fbn
        >>> import torch
        >>> matching = {"weight": 0.3, "form": "printed"}
        >>> objective = fbn.losses.Objective({"expression": 1, "action_units": 2, "distribution_matching": matching})
        >>> predictions = fbn.Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17))
        >>> total, terms = objective(predictions, fbn.Annotations.stack([fbn.Annotations.of("happiness")]))
        >>> sorted(terms)
        ['action_units', 'distribution_matching', 'expression']
    """

    terms: Mapping[str, Any] = field(
        default_factory=lambda: {"expression": 1.0, "action_units": 1.0, "valence_arousal": 1.0}
    )
    table: RelatednessTable = field(default_factory=lambda: RelatednessTable.named("du2014"))

    def __post_init__(self) -> None:
        terms: dict[str, Term] = {name: term(name, value) for name, value in self.terms.items()}
        object.__setattr__(self, "terms", terms)

    def __call__(
        self, predictions: Predictions, annotations: Annotations, teacher: Predictions | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the total and the value of each computed term, unweighted and detached.

        Every head is part of the total's graph, so distributed training has no unused parameters to search for.

        Raises:
            ValueError: a term needs a head that the network lacks, or a teacher that is missing.
        """
        values = {
            name: term.loss(predictions, annotations, self.table, teacher)
            for name, term in self.terms.items()
            if term.weight
        }
        total = torch.stack([output.sum() * 0 for _, output in predictions.items()]).sum()
        for name, value in values.items():
            total = total + self.terms[name].weight * value
        return total, {name: value.detach() for name, value in values.items()}
