"""A head for compound expressions, initialised as the zero-shot score."""

from dataclasses import replace

from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses, terms
from fbn.errors import FormatError
from fbn.models.heads import Head
from fbn.records import Predictions
from fbn.tasks import COMPOUND


class CompoundHead(Head):
    """Logits of compound classes: zero-shot score / temperature + a linear residual.

    The score is computed from the predictions of the previous heads. The residual is initialised to 0, so an untrained
    head equals the zero-shot score; few-shot training adds to it (fbn's choice; paper A, section 3.1.4, fine-tunes the
    whole network).

    Args:
        features: number of features.
        classes: the classes.
        temperature: divisor of the zero-shot scores, > 0.
        dropout: probability of dropping a feature before the residual.

    Raises:
        FormatError: ``temperature`` is not positive.
    """

    def __init__(
        self, features: int, classes: CompoundClasses, temperature: float = DEFAULT_TEMPERATURE, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise FormatError(f"temperature = {temperature}: expected a number above 0")
        self.tasks = (replace(COMPOUND, labels=classes.classes),)
        self.classes, self.temperature = classes, float(temperature)
        self.dropout = nn.Dropout(dropout)
        self.residual = nn.Linear(features, len(classes.classes))
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def forward(self, features: Tensor, predictions: Predictions) -> Predictions:
        """Compute [B, C] logits from [B, F] features and predictions of expressions, action units and valence."""
        prior = terms(predictions, self.classes).total / self.temperature
        return Predictions({self.tasks[0]: prior + self.residual(self.dropout(features))})
