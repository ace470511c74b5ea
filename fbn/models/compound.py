"""FaceBehaviorNet with a head for compound expressions that starts as the zero-shot scorer."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses, terms
from fbn.errors import FormatError
from fbn.models.network import FaceBehaviorNet
from fbn.records import Predictions
from fbn.vocabulary import Task

_RESIDUAL = "residual."


class CompoundNet(FaceBehaviorNet):
    """The usual three outputs, and logits of compound classes: zero-shot score / temperature + a linear residual.

    The residual starts at 0, so an untrained one is exactly the zero-shot scorer; what a few pictures teach is added
    to it (fbn's choice; A 3.1.4 fine-tunes the whole network).

    Args:
        widths, blocks, dropout: as for ``FaceBehaviorNet``.
        classes: what to choose among, as ``CompoundClasses.to_dict`` gives it; None: RAF-DB's.
        temperature: what zero-shot scores are divided by, > 0.

    Raises:
        FormatError: not such classes.
    """

    def __init__(
        self,
        widths: Iterable[int] = (32, 64, 128, 256),
        blocks: Iterable[int] = (2, 2, 2, 2),
        dropout: float = 0.3,
        classes: Mapping[str, Any] | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
    ) -> None:
        super().__init__(widths=widths, blocks=blocks, dropout=dropout)
        if not temperature > 0:
            raise FormatError(f"temperature = {temperature}: expected a number above 0")
        self.classes: CompoundClasses = (
            CompoundClasses.named("rafdb") if classes is None else CompoundClasses.from_dict(classes)
        )
        self.temperature = float(temperature)
        self.residual = nn.Linear(self.widths[-1], len(self.classes.classes))
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    @classmethod
    def of(cls, network: FaceBehaviorNet, classes: CompoundClasses, temperature: float = DEFAULT_TEMPERATURE) -> Self:
        """A network's copy with a fresh head for these classes; a head it had for others is dropped.

        Raises:
            FormatError: the network lacks one of the three tasks, or has another body than ``FaceBehaviorNet``'s.
        """
        if type(network).features is not FaceBehaviorNet.features:
            raise FormatError(f"{type(network).__name__}: expected FaceBehaviorNet's own body under compound classes")
        if set(network.tasks) != set(Task):
            raise FormatError(
                f"a network that predicts only {', '.join(network.tasks)}: compound expressions need all three tasks"
            )
        dropout = network.dropout.p
        made = cls(network.widths, network.blocks, dropout, classes.to_dict(), temperature)
        made.spec = network.spec
        kept = {key: value for key, value in network.state_dict().items() if not key.startswith(_RESIDUAL)}
        fresh = {key: value for key, value in made.state_dict().items() if key.startswith(_RESIDUAL)}
        made.load_state_dict(kept | fresh)
        return made.train(network.training)

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes such a network anew, for ``fbn.models.store.save``; plain values."""
        return {
            "widths": list(self.widths),
            "blocks": list(self.blocks),
            "dropout": self.dropout.p,
            "classes": self.classes.to_dict(),
            "temperature": self.temperature,
        }

    def heads(self, features: Tensor) -> Predictions:
        """[B, widths[-1]] -> predictions of batch shape [B], ``compound_logits`` [B, C] among them."""
        said = super().heads(features)
        prior = terms(said, self.classes).total / self.temperature
        return Predictions(
            expression_logits=said.expression_logits,
            action_unit_logits=said.action_unit_logits,
            valence_arousal=said.valence_arousal,
            compound_logits=prior + self.residual(self.dropout(features)),
        )
