"""Fine-tuning from the probe: trains the network's last block, or all of it, on augmented pictures.

Batches are balanced over classes. Distillation on the same pictures keeps the basic outputs near those of the starting
network. The number of epochs is chosen on held-out pictures; it may be 0, then the probe is the result.
"""

import copy
import os
import warnings
from dataclasses import dataclass, replace
from typing import Literal

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from fbn.context import Context
from fbn.data.augment import Augmentation
from fbn.data.loading import EpochSampler, Item, Pool, Stream, TrainingBatches
from fbn.fewshot.features import FewShotData, compound_logits, with_probe
from fbn.fewshot.probe import IntArray, Probe, balanced_weights, cross_entropies, probe, stratified_folds
from fbn.losses.distillation import distillation
from fbn.models.network import FaceNetwork
from fbn.records import Annotations, Label
from fbn.tasks import COMPOUND
from fbn.training.precision import resolve_precision
from fbn.training.run import Watch, quiet

Part = Literal["last_block", "whole"]
#: Maximum number of epochs.
EPOCHS = 10
#: Minimum number of steps of an epoch.
_MIN_STEPS = 8
_BATCH = 64
#: Peak learning rates, chosen on synthetic faces by the loss on held-out pictures.
_RATE: dict[Part, float] = {"last_block": 3e-3, "whole": 1e-3}
_WEIGHT_DECAY = 0.01
#: Maximum norm of the gradient.
_MAX_GRADIENT = 5.0
#: Weight of the distillation loss, which keeps the other tasks' predictions.
_DISTILLATION = 1.0
#: The number of epochs is chosen on a held-out fifth of the pictures, or, if there are fewer pictures than this, by
#: cross-validation with ``_FOLDS`` folds and subsequent training on all.
_MIN_HELD_OUT = 600
_FOLDS = 3


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned network, its number of epochs, and the probe it started from."""

    network: FaceNetwork
    epochs: int
    probe: Probe


def tune(data: FewShotData, rows: IntArray, part: Part, seed: int, context: Context, message: str) -> Tuned:
    """Fine-tune on some of the pictures.

    Args:
        data: pictures and the network to start from.
        rows: training pictures.
        part: part of the network that is trained.
        seed: seed of augmentation, batches and folds.
        context: receives the progress, and is checked for cancellation.
        message: reported with the progress.

    Raises:
        Cancelled: cancelled by the user.
    """
    start = _probe(data, rows, seed)
    y = data.labels[rows]
    folds = 5 if len(rows) >= _MIN_HELD_OUT else _FOLDS
    fold = stratified_folds(y, folds, seed, data.faces.groups[rows].tolist())
    if not len(rows) or (fold < 0).all():
        # one picture per class: none can be held out to show that fine-tuning helps
        return Tuned(with_probe(data, start), 0, start)
    if len(rows) >= _MIN_HELD_OUT:
        training = rows[fold != 0]
        begun = _probe(data, training, seed)
        trained = _train(data, training, part, seed, begun, (context, message), rows[fold == 0])
        best = int(np.argmin(trained.losses))
        if best:
            return Tuned(_scaled(trained.network, trained.scales[best]), best, begun)
        return Tuned(with_probe(data, start), 0, start)
    costs, scales = np.zeros(EPOCHS + 1), np.zeros(EPOCHS + 1)
    for number in range(folds):
        training, held_out = rows[fold != number], rows[fold == number]
        if len(held_out):
            begun = _probe(data, training, seed)
            about = (
                context.part(number / (folds + 1), 1 / (folds + 1)),
                f"{message}: when to stop, {number + 1} of {folds}",
            )
            trained = _train(data, training, part, seed, begun, about, held_out)
            costs += len(held_out) * np.array(trained.losses)
            scales += len(held_out) * np.log(trained.scales)
    best = int(costs.argmin())
    if not best:
        return Tuned(with_probe(data, start), 0, start)
    about = (context.part(folds / (folds + 1), 1 / (folds + 1)), message)
    trained = _train(data, rows, part, seed, start, about, rows[:0], best)
    scale = float(np.exp(scales[best] / (fold >= 0).sum()))
    return Tuned(_scaled(trained.network, scale), best, start)


def _scaled(network: FaceNetwork, scale: float) -> FaceNetwork:
    """Multiply the network's compound logits, in place: longer training is overconfident."""
    assert network.compound is not None
    network.compound.temperature /= scale
    with torch.no_grad():
        for parameter in network.compound.residual.parameters():
            parameter.mul_(scale)
    return network


def _fitting(logits: NDArray, labels: IntArray) -> tuple[float, float]:
    """Return the factor on [n, C] logits that fits the labels best, with a prior on 1, and the mean loss with it."""
    weight = balanced_weights(labels)

    def cost(shift: float) -> float:
        return float(weight @ cross_entropies(np.exp(shift) * logits, labels))

    if not np.isfinite(logits).all():
        # a diverged network must compare as the worst, which NaN does not
        return 1.0, np.inf
    bounds = (-np.log(8), np.log(8))
    shift = float(minimize_scalar(lambda s: cost(s) + s**2 / 2, bounds=bounds, method="bounded").x)
    return float(np.exp(shift)), cost(shift) / len(labels)


def _probe(data: FewShotData, rows: IntArray, seed: int) -> Probe:
    index = torch.from_numpy(rows)
    labels = torch.from_numpy(data.labels[rows])
    groups = data.faces.groups[rows].tolist()
    return probe(data.features[index], data.total[index], labels, groups=groups, seed=seed)


@dataclass(frozen=True)
class _Trained:
    """The network after its best epoch, or the last one without held-out pictures.

    ``losses`` and ``scales`` are those before and after each epoch: the loss on held-out pictures once the logits are
    scaled, and that scale.
    """

    network: FaceNetwork
    losses: list[float]
    scales: list[float]


def _train(
    data: FewShotData,
    rows: IntArray,
    part: Part,
    seed: int,
    start: Probe,
    about: tuple[Context, str],
    held_out: IntArray,
    epochs: int | None = None,
) -> _Trained:
    quiet()
    warnings.filterwarnings("ignore", message=".*module\\(s\\) in eval mode.*")  # batch norms, on purpose
    epochs = EPOCHS if epochs is None else epochs
    if not torch.cuda.is_available():
        torch.set_num_threads(os.cpu_count() or 1)
    L.seed_everything(seed, verbose=False)
    network = with_probe(data, start)
    present = np.unique(data.labels[rows])
    each = max(2, round(_BATCH / len(present)))
    per_epoch = max(_MIN_STEPS, -(-len(rows) // (each * len(present))))
    pool, streams = _pool(data, rows, present, each)
    steps = TrainingBatches(pool, streams, Augmentation(), seed, network.spec.prepare, network.spec.size)
    module = _Tuning(network, data, part, present, held_out, per_epoch, seed)
    sampler = EpochSampler(per_epoch, lambda: trainer.global_step)
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=resolve_precision("auto"),
        max_epochs=epochs,
        gradient_clip_val=_MAX_GRADIENT,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        callbacks=[Watch(about[0], about[1], (0.0, 1.0), per_epoch * epochs)],
    )
    trainer.fit(module, DataLoader(steps, batch_size=None, sampler=sampler))
    if module.best is not None:
        network.load_state_dict(module.best)
    return _Trained(network.to("cpu").eval(), module.costs, module.scales)


def _pool(data: FewShotData, rows: IntArray, present: IntArray, each: int) -> tuple[Pool, list[Stream]]:
    """Return all pictures as one data set, with the basic predictions to preserve as the teacher's."""
    crops, places = data.faces.crops, data.faces.rows
    index = torch.from_numpy(places)

    def spread(values: Tensor) -> Tensor:
        """Expand [n, ...] values of the labelled pictures to [len(crops), ...], 0 elsewhere."""
        whole = torch.zeros(len(crops), *values.shape[1:])
        whole[index] = values.float()
        return whole

    task = replace(COMPOUND, labels=data.classes.classes)
    one_hot = functional.one_hot(torch.from_numpy(data.labels), len(task))
    label = Label(spread(one_hot), spread(torch.ones(len(places))))
    pool = Pool.of({data.faces.name: (crops, Annotations({task: label}))}, data.predictions.map(spread))
    labels = data.labels[rows]
    return pool, [Stream(places[rows[labels == label]], each) for label in present]


class _Tuning(L.LightningModule):
    """Cross-entropy of the compound classes, and distillation that keeps the basic outputs."""

    def __init__(
        self,
        network: FaceNetwork,
        data: FewShotData,
        part: Part,
        present: IntArray,
        held_out: IntArray,
        per_epoch: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._data, self._part, self._held_out, self._seed = data, part, held_out, seed
        self._present = torch.from_numpy(present)
        self._steps = per_epoch * EPOCHS
        self.best: dict[str, Tensor] | None = None
        self.costs: list[float] = []
        self.scales: list[float] = []
        for parameter in network.parameters():
            parameter.requires_grad_(part == "whole")
        assert isinstance(network.body.stages, nn.Sequential)
        for module in (network.body.stages[-1], network.heads):
            module.requires_grad_(True)

    def train(self, mode: bool = True) -> "_Tuning":
        """Set the mode, but keep batch norm in evaluation mode: few pictures give poor statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def on_train_start(self) -> None:
        """Evaluate the probe alone."""
        self._evaluate()

    def training_step(self, batch: Item, index: int) -> Tensor:
        """Compute the loss of one batch."""
        pictures, teacher = batch
        assert teacher is not None
        torch.manual_seed(hash((self._seed, self.global_step)))
        predictions = self.network(pictures.images).to(torch.float32)
        # classes without pictures keep their score, as in the probe
        task = predictions.stored(COMPOUND)
        target = pictures.annotations[task].value[:, self._present].argmax(-1)
        loss = functional.cross_entropy(predictions[task][:, self._present], target)
        return loss + _DISTILLATION * distillation(predictions, teacher)

    def on_train_epoch_end(self) -> None:
        """Evaluate on the held-out pictures."""
        self._evaluate()

    def _evaluate(self) -> None:
        if not len(self._held_out):
            return
        training = self.training
        self.eval()
        faces = self._data.faces
        logits = compound_logits(self.network.to("cpu"), faces.crops, faces.rows[self._held_out])
        self.network.to(self.device)
        self.train(training)
        labels = self._data.labels[self._held_out]
        scale, cost = _fitting(logits.double().numpy(), labels)
        self.scales.append(scale)
        self.costs.append(cost)
        if min(self.costs) == self.costs[-1]:
            self.best = copy.deepcopy(self.network.state_dict())

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a short warm-up, then a cosine to 0 over the maximum number of epochs."""
        learned = [p for p in self.network.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(learned, lr=_RATE[self._part], weight_decay=_WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE[self._part], total_steps=self._steps + 1, pct_start=0.1, cycle_momentum=False
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
