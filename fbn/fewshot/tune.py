"""Going on from the probe: the network's last block, or all of it, learns from varied views of the same pictures.

Every step shows as many pictures of one class as of another. The basic outputs are held where they were, by
distillation on the same pictures. When to stop is decided on pictures left out, and one answer is "at once": then the
probe stays as it is.
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
from fbn.fewshot.features import Material, compound_logits, with_probe
from fbn.fewshot.probe import Numbers, Probe, balanced, deal, losses, probe
from fbn.losses.distillation import distillation
from fbn.models.network import FaceNetwork
from fbn.records import Annotations, Label
from fbn.tasks import COMPOUND
from fbn.training.precision import resolve_precision
from fbn.training.run import quiet
from fbn.training.watch import Watch

Part = Literal["last_block", "whole"]
#: At most so many passes, of at least so many steps.
EPOCHS, _LEAST_STEPS = 10, 8
_BATCH = 64
#: Peak learning rates, chosen on drawn faces by the loss on pictures left out.
_RATE: dict[Part, float] = {"last_block": 3e-3, "whole": 1e-3}
_DECAY, _CLIP, _KEEP = 0.01, 5.0, 1.0
#: From so many pictures on a fifth is left out once; below, pictures are left out in turn, and then all are used.
_MANY, _TURNS = 600, 3


@dataclass(frozen=True)
class Tuned:
    """A network that learned, and after how many passes it was best."""

    network: FaceNetwork
    epochs: int
    probe: Probe


def tune(material: Material, rows: Numbers, part: Part, seed: int, context: Context, words: str) -> Tuned:
    """Learn from some of the pictures.

    Args:
        material: pictures and the network to start from.
        rows: pictures to learn from.
        part: of the network that changes.
        seed: of views, batches and folds.
        context: to report to and to ask.
        words: what this is for.

    Raises:
        Cancelled: somebody asked.
    """
    start = _probe(material, rows, seed)
    y = material.labels[rows]
    turns = 5 if len(rows) >= _MANY else _TURNS
    fold = deal(y, turns, seed, material.faces.groups[rows].tolist())
    if not len(rows) or (fold < 0).all():
        # one picture a class: nothing to leave out, so nothing says that going on would help
        return Tuned(with_probe(material, start), 0, start)
    if len(rows) >= _MANY:
        own = rows[fold != 0]
        begun = _probe(material, own, seed)
        found = _train(material, own, part, seed, begun, (context, words), rows[fold == 0])
        best = int(np.argmin(found.losses))
        if best:
            return Tuned(_scaled(found.network, found.scales[best]), best, begun)
        return Tuned(with_probe(material, start), 0, start)
    costs, scales = np.zeros(EPOCHS + 1), np.zeros(EPOCHS + 1)
    for turn in range(turns):
        own, out = rows[fold != turn], rows[fold == turn]
        if len(out):
            begun = _probe(material, own, seed)
            about = (_share(context, turn, turns + 1), f"{words}: when to stop, {turn + 1} of {turns}")
            tried = _train(material, own, part, seed, begun, about, out)
            costs += len(out) * np.array(tried.losses)
            scales += len(out) * np.log(tried.scales)
    best = int(costs.argmin())
    if not best:
        return Tuned(with_probe(material, start), 0, start)
    about = (_share(context, turns, turns + 1), words)
    found = _train(material, rows, part, seed, start, about, rows[:0], best)
    scale = float(np.exp(scales[best] / (fold >= 0).sum()))
    return Tuned(_scaled(found.network, scale), best, start)


def _scaled(network: FaceNetwork, scale: float) -> FaceNetwork:
    """The network with its compound logits multiplied: a longer training is surer of itself than it is right."""
    assert network.compound is not None
    network.compound.temperature /= scale
    with torch.no_grad():
        for parameter in network.compound.residual.parameters():
            parameter.mul_(scale)
    return network


def _fitting(logits: NDArray, labels: Numbers) -> tuple[float, float]:
    """The factor on logits [n, C] that fits the labels best, not far from 1, and the mean loss with it."""
    weight = balanced(labels)

    def cost(shift: float) -> float:
        return float(weight @ losses(np.exp(shift) * logits, labels))

    if not np.isfinite(logits).all():
        # a network that fell apart is the worst, not a number that compares with nothing
        return 1.0, np.inf
    bounds = (-np.log(8), np.log(8))
    shift = float(minimize_scalar(lambda s: cost(s) + s**2 / 2, bounds=bounds, method="bounded").x)
    return float(np.exp(shift)), cost(shift) / len(labels)


def _probe(material: Material, rows: Numbers, seed: int) -> Probe:
    own = torch.from_numpy(rows)
    labels = torch.from_numpy(material.labels[rows])
    groups = material.faces.groups[rows].tolist()
    return probe(material.features[own], material.total[own], labels, groups=groups, seed=seed)


def _share(context: Context, turn: int, of: int) -> Context:
    return replace(context, report=lambda share, words: context.report((turn + share) / of, words))


@dataclass(frozen=True)
class _Trained:
    """The network at its best pass, or its last.

    Before and after each pass: the loss on pictures left out, once the logits were scaled, and that scale.
    """

    network: FaceNetwork
    losses: list[float]
    scales: list[float]


def _train(
    material: Material,
    rows: Numbers,
    part: Part,
    seed: int,
    start: Probe,
    about: tuple[Context, str],
    held_out: Numbers,
    epochs: int | None = None,
) -> _Trained:
    quiet()
    warnings.filterwarnings("ignore", message=".*module\\(s\\) in eval mode.*")  # batch norms, on purpose
    epochs = EPOCHS if epochs is None else epochs
    if not torch.cuda.is_available():
        torch.set_num_threads(os.cpu_count() or 1)
    L.seed_everything(seed, verbose=False)
    network = with_probe(material, start)
    present = np.unique(material.labels[rows])
    each = max(2, round(_BATCH / len(present)))
    per_epoch = max(_LEAST_STEPS, -(-len(rows) // (each * len(present))))
    pool, streams = _pool(material, rows, present, each)
    steps = TrainingBatches(pool, streams, Augmentation(), seed, network.spec.prepare, network.spec.size)
    module = _Tuning(network, material, part, present, held_out, per_epoch, seed)
    sampler = EpochSampler(per_epoch, lambda: trainer.global_step)
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=resolve_precision("auto"),
        max_epochs=epochs,
        gradient_clip_val=_CLIP,
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


def _pool(material: Material, rows: Numbers, present: Numbers, each: int) -> tuple[Pool, list[Stream]]:
    """All pictures as one set, with the basic outputs to keep as their teacher's."""
    crops, places = material.faces.crops, material.faces.rows
    index = torch.from_numpy(places)

    def spread(values: Tensor) -> Tensor:
        """[n, ...] of the labelled pictures -> [len(crops), ...], 0 elsewhere."""
        whole = torch.zeros(len(crops), *values.shape[1:])
        whole[index] = values.float()
        return whole

    task = replace(COMPOUND, labels=material.classes.classes)
    one_hot = functional.one_hot(torch.from_numpy(material.labels), len(task))
    label = Label(spread(one_hot), spread(torch.ones(len(places))))
    pool = Pool.of({material.faces.name: (crops, Annotations({task: label}))}, material.said.map(spread))
    labels = material.labels[rows]
    return pool, [Stream(places[rows[labels == label]], each) for label in present]


class _Tuning(L.LightningModule):
    """Cross-entropy of the compound classes, and distillation that keeps the basic outputs."""

    def __init__(
        self,
        network: FaceNetwork,
        material: Material,
        part: Part,
        present: Numbers,
        held_out: Numbers,
        per_epoch: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._material, self._part, self._held_out, self._seed = material, part, held_out, seed
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
        """As any module, but batch norms keep their statistics: a few pictures have none to offer."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def on_train_start(self) -> None:
        """What the probe alone is worth."""
        self._weigh()

    def training_step(self, batch: Item, index: int) -> Tensor:
        """The loss of one step's views."""
        pictures, teacher = batch
        assert teacher is not None
        torch.manual_seed(hash((self._seed, self.global_step)))
        said = self.network(pictures.images).to(torch.float32)
        # classes without pictures keep their score, as in the probe
        task = said.own(COMPOUND)
        target = pictures.annotations[task].value[:, self._present].argmax(-1)
        loss = functional.cross_entropy(said[task][:, self._present], target)
        return loss + _KEEP * distillation(said, teacher)

    def on_train_epoch_end(self) -> None:
        """What another pass is worth."""
        self._weigh()

    def _weigh(self) -> None:
        if not len(self._held_out):
            return
        training = self.training
        self.eval()
        faces = self._material.faces
        logits = compound_logits(self.network.to("cpu"), faces.crops, faces.rows[self._held_out])
        self.network.to(self.device)
        self.train(training)
        labels = self._material.labels[self._held_out]
        scale, cost = _fitting(logits.double().numpy(), labels)
        self.scales.append(scale)
        self.costs.append(cost)
        if min(self.costs) == self.costs[-1]:
            self.best = copy.deepcopy(self.network.state_dict())

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; a short warm-up, then a cosine to 0 over all passes that there may be."""
        learned = [p for p in self.network.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(learned, lr=_RATE[self._part], weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE[self._part], total_steps=self._steps + 1, pct_start=0.1, cycle_momentum=False
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
