"""Compound expressions of what was read: probabilities for every frame, and what scores them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses, none_of_these, probabilities, terms
from fbn.records import Predictions
from fbn.tasks import COMPOUND

#: What a face is called that a basic expression outside the classes explains better than any of them.
NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class CompoundScorer:
    """How compound expressions are scored.

    Attributes:
        classes: what to choose among.
        temperature: what scores are divided by before the softmax, > 0.
        learnt: whether the network has learnt these classes; else its other outputs score them, zero-shot.
    """

    classes: CompoundClasses
    temperature: float = DEFAULT_TEMPERATURE
    learnt: bool = False

    def complete(self, predictions: Predictions) -> Predictions:
        """The same with ``compound_logits`` of these classes: the network's own, or score / temperature."""
        if self.learnt:
            return predictions
        task = replace(COMPOUND, labels=self.classes.classes)
        return predictions | {task: terms(predictions, self.classes).total / self.temperature}

    def probabilities(self, predictions: Predictions) -> Tensor:
        """[..., C + 1] probability of each class, and of none of these behind them; they sum to 1.

        Args:
            predictions: what ``complete`` gave.
        """
        assert predictions.compound_logits is not None
        total = predictions.compound_logits * self.temperature
        none = none_of_these(predictions, self.classes, total).total
        return probabilities(torch.cat([total, none[..., None]], -1), self.temperature)
