"""Scoring of compound expressions during inference."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses, none_of_these, probabilities, terms
from fbn.records import Predictions
from fbn.tasks import COMPOUND

#: Label of a face that a basic expression outside the classes explains better than any class.
NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class CompoundScorer:
    """How compound expressions are scored.

    Attributes:
        classes: the classes.
        temperature: divisor of the scores before the softmax, > 0.
        learnt: whether the network was trained for these classes; else they are scored zero-shot by its other outputs.
    """

    classes: CompoundClasses
    temperature: float = DEFAULT_TEMPERATURE
    learnt: bool = False

    def complete(self, predictions: Predictions) -> Predictions:
        """Add ``compound_logits`` of these classes, score / temperature, unless the network predicts them."""
        if self.learnt:
            return predictions
        task = replace(COMPOUND, labels=self.classes.classes)
        return predictions | {task: terms(predictions, self.classes).total / self.temperature}

    def probabilities(self, predictions: Predictions) -> Tensor:
        """[..., C + 1] probability of each class, followed by that of "none of these"; they sum to 1.

        Args:
            predictions: predictions that ``complete`` returned.
        """
        assert predictions.compound_logits is not None
        total = predictions.compound_logits * self.temperature
        none = none_of_these(predictions, self.classes, total).total
        return probabilities(torch.cat([total, none[..., None]], -1), self.temperature)
