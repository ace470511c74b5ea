"""A head for compound expressions that starts as the zero-shot scorer."""

from dataclasses import replace

from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses, terms
from fbn.errors import FormatError
from fbn.models.heads import Head
from fbn.records import Predictions
from fbn.tasks import COMPOUND


class ZeroShot(Head):
    """Logits of compound classes: zero-shot score / temperature + a linear residual.

    The score is that of what the heads before said. The residual starts at 0, so an untrained one is exactly the
    zero-shot scorer; what a few pictures teach is added to it (fbn's choice; A 3.1.4 fine-tunes the whole network).

    Args:
        features: that it reads.
        classes: what to choose among.
        temperature: what zero-shot scores are divided by, > 0.
        dropout: probability before the residual.

    Raises:
        FormatError: a temperature that is not above 0.
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

    def forward(self, features: Tensor, said: Predictions) -> Predictions:
        """[B, F], and expressions, action units and valence -> [B, C] before softmax."""
        prior = terms(said, self.classes).total / self.temperature
        return Predictions({self.tasks[0]: prior + self.residual(self.dropout(features))})
