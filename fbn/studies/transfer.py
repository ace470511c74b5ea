"""From drawn faces to real ones: a small network that has seen synthetic faces only reads all of CK+.

The faces are anyone's, anywhere; du2014's table says which AUs go with which expression. In two thirds other AUs
come by chance, so that a network must look at the AU itself; the rest are posed or at rest. CK+ is never trained on.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fbn import metrics
from fbn.data.augment import Augmentation, centre
from fbn.data.crops import cached_crops
from fbn.data.loading import Pool, Stream
from fbn.data.sources import ckplus, find
from fbn.errors import FormatError
from fbn.models.network import FaceNetwork
from fbn.records import Annotations, Predictions, Sample
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import Activity
from fbn.synthetic.domains import Domain
from fbn.synthetic.ict import IctFace
from fbn.synthetic.kept import kept_pool
from fbn.synthetic.people import Population
from fbn.synthetic.world import Settings, World
from fbn.training.figures import chance, figures, scorable, scored_rows
from fbn.training.probe import pixel_probe
from fbn.training.provenance import revision
from fbn.training.recipe import Recipe
from fbn.training.run import LAST, learn
from fbn.vocabulary import ACTION_UNITS, EXPRESSIONS, Expression

#: What draws the faces.
SOURCES = ("synthetic", "ict")
MESH = Path("ict_facekit") / "ict_facekit.npz"
#: AUs with fewer positive sequences on CK+ are left out of the mean.
POSITIVES = 8
_BATCH = 64

_REST = {Expression.NEUTRAL: 3.0}
#: Anyone, anywhere, by any camera.
BROAD = Domain(
    name="broad",
    yaw=14,
    pitch=9,
    roll=8,
    gaze=0.35,
    blinking=0.04,
    light=50,
    hardness=(0.0, 1.0),
    warmth=(-0.5, 0.5),
    backgrounds=100_000,
    exposure=0.4,
    gray=0.4,
    blur=(0.0, 0.4),
    noise=(0.0, 0.35),
    compression=(0.0, 0.6),
    population=Population(people=3000),
    strength=0.4,
)
#: AUs come alone and in company, so that each must be looked at; faint ones count as absent, as a coder would have it.
SETTINGS = Settings(activity=Activity(distractor=0.15, trace=0.4))
#: As expressions are posed, and faces at rest: nothing that their row does not ask for.
POSED = BROAD.model_copy(update={"name": "posed", "classes": tuple((e.value, _REST.get(e, 1.0)) for e in EXPRESSIONS)})
POSED_SETTINGS = Settings(activity=Activity(distractor=0.02, trace=0.4))
#: Harder than for photographs: the network must not learn how our faces are drawn.
AUGMENTATION = Augmentation(
    rotation=8, scale=(0.92, 1.09), shift=0.05, light=1.2, gray=0.5, dark=0.05, blur=0.2, jpeg=0.2, small=0.4, erase=0.2
)


@dataclass(frozen=True)
class Plan:
    """One experiment.

    Attributes:
        pictures: faces to train on; a tenth as many, of other people, are held out.
        steps: of training.
        batch: faces in each step.
        seed: of the world and of training.
        sides: resolution of the pictures over the run, see ``Recipe.sides``.
        widths: channels of the network's stages.
        rounds: bootstrap draws.
    """

    pictures: int = 12_000
    steps: int = 3000
    batch: int = 64
    seed: int = 0
    sides: tuple[int, ...] = (64, 64, 64, 112)
    widths: tuple[int, ...] = (24, 48, 96, 192)
    rounds: int = 1000

    def recipe(self, name: str) -> Recipe:
        """How the network is trained: no term couples the tasks."""
        return Recipe(
            name=name,
            network_args={"widths": self.widths, "blocks": (2,) * len(self.widths), "dropout": 0.2},
            objective={"expression": 1.0, "action_units": 2.0, "valence_arousal_mse": 0.5},
            forms={},
            augmentation=AUGMENTATION,
            sides=self.sides,
            epochs=1,
            steps_per_epoch=self.steps,
            learning_rate=2e-3,
            warmup=min(100, self.steps),
            averaging=0.99,
            seed=self.seed,
        )

    def worlds(self, held_out: bool = False) -> tuple[World, World]:
        """Whose faces: two thirds are of the first, one third of the second; those held out are of other people."""
        table, seed = RelatednessTable.named("du2014"), 2 * self.seed + held_out
        return World(table, seed, BROAD, SETTINGS), World(table, seed, POSED, POSED_SETTINGS)

    def pool(self, mesh: Path | None, held_out: bool = False, processes: int = 1, progress: bool = True) -> Pool:
        """The faces to train on, or a tenth as many others; drawn or from the cache."""
        count = max(60, self.pictures // 10) if held_out else self.pictures
        pools = (
            kept_pool(world, own, mesh, processes, progress)
            for world, own in zip(self.worlds(held_out), (count - count // 3, count // 3), strict=True)
        )
        return Pool.of({pool.names[0]: (pool.crops[0], pool.annotations) for pool in pools})


def transfer(
    data_root: Path,
    out: Path,
    sources: Sequence[str] = ("synthetic",),
    plan: Plan | None = None,
    *,
    threads: int = 1,
    workers: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Train on each source's faces alone and read CK+.

    Args:
        data_root: holds ``ckplus`` and, for ``"ict"``, ``ict_facekit/ict_facekit.npz``.
        out: run folder; each source gets a folder of its own.
        sources: which of ``SOURCES``.
        plan: how much of everything.
        threads: cores to draw and train on.
        workers: as ``fbn.training.run.train``.
        progress: draw progress bars.

    Returns:
        date, git_sha, plan, data: what was read, chance, and sources: source -> figures (each ``value``, ``low``,
        ``high``), units (AU -> positive sequences, area on CK+, on held-out drawn faces, of the linear probe there),
        drawn (figures on the held-out faces), probe (its mean area) and seconds.

    Raises:
        FbnError: a set is not there or cannot be read, or ``out`` holds a run.
    """
    plan = plan or Plan()
    root = find(data_root, ckplus.NAME)
    meshes = {name: data_root / MESH if name == "ict" else None for name in sources}
    for name, mesh in meshes.items():
        if mesh:
            IctFace.read(mesh)
        if (out / name / LAST).exists():
            raise FormatError(f"{out / name} holds a run already: give another --out")
    samples = ckplus.read(root).samples
    crops, labels = cached_crops(samples), Annotations.stack([sample.annotations for sample in samples])
    found = {}
    for name, mesh in meshes.items():
        start = time.monotonic()
        pool = plan.pool(mesh, False, threads, progress)
        held = plan.pool(mesh, True, threads, progress)
        drawn = time.monotonic()
        everything = [Stream(np.arange(len(pool)), plan.batch)]
        network = learn(
            plan.recipe(name),
            pool,
            everything,
            (held, _samples(held)),
            out / name,
            threads=threads,
            workers=workers,
            progress=progress,
        )
        trained = time.monotonic()
        found[name] = {
            **on_ckplus(predict(network, crops), samples, plan.rounds),
            **_on_drawn(predict(network, np.concatenate([np.asarray(part) for part in held.crops])), pool, held),
            "seconds": {"drawing": round(drawn - start), "training": round(trained - drawn)},
        }
        for unit, area in found[name].pop("drawn_units").items():
            found[name]["units"].setdefault(unit, {}).update(area)
    lowest = chance(labels)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "git_sha": revision(),
        "plan": asdict(plan) | {"worlds": [json.loads(world.to_json()) for world in plan.worlds()]},
        "data": {
            "set": ckplus.NAME,
            "pictures": len(samples),
            "sequences": len({ckplus.sequence_of(sample) for sample in samples}),
            "subjects": len({sample.subject for sample in samples}),
        },
        "chance": {"auc": lowest["auc"], "mean_diagonal": lowest["mean_diagonal"]},
        "sources": found,
    }


def on_ckplus(predictions: Predictions, samples: Sequence[Sample], rounds: int = 1000) -> dict[str, Any]:
    """Figures of CK+'s coded frames and onsets; subjects are drawn for the intervals.

    Returns:
        figures: ``auc``, the mean over AUs with ``POSITIVES`` or more positive sequences, and ``mean_diagonal`` over
        seven classes, each ``value``, ``low``, ``high``; units: AU -> positives (sequences) and ckplus (its area).
    """
    labels = Annotations.stack([sample.annotations for sample in samples])
    peaks = labels[torch.from_numpy(scored_rows(samples))]
    columns = scorable(peaks, POSITIVES)
    said, true, known = (
        x.numpy()[:, columns] for x in (predictions.action_units, labels.action_units, labels.action_units_weight)
    )
    of_interest = {
        "auc": lambda at: float(np.nanmean(metrics.au_auc(said[at], true[at], known[at]))),
        "mean_diagonal": figures(predictions, labels)["mean_diagonal"],
    }
    subjects = [sample.subject for sample in samples]
    intervals = {
        name: asdict(metrics.bootstrap(figure, len(samples), subjects, rounds)) for name, figure in of_interest.items()
    }
    positives = (peaks.action_units * (peaks.action_units_weight > 0)).sum(0)
    areas = metrics.au_auc(said, true, known)
    units = {
        ACTION_UNITS[column].short: {"positives": int(positives[column]), "ckplus": float(area)}
        for column, area in zip(columns, areas, strict=True)
    }
    return {"figures": intervals, "units": units}


def _on_drawn(predictions: Predictions, pool: Pool, held: Pool) -> dict[str, Any]:
    every, truth = np.arange(len(held)), held.annotations
    drawn = {name: figure(every) for name, figure in figures(predictions, truth, 1).items()}
    areas, probe = metrics.au_auc(predictions.action_units, truth.action_units), pixel_probe(pool, held)
    units = {unit.short: {"drawn": float(areas[i]), "probe": float(probe[i])} for i, unit in enumerate(ACTION_UNITS)}
    return {"drawn": drawn, "probe": float(np.nanmean(probe)), "drawn_units": units}


def predict(network: FaceNetwork, crops: np.ndarray) -> Predictions:
    """What a network says of crops with a margin, batch shape [N]."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(crops), _BATCH):
            views = centre(np.asarray(crops[start : start + _BATCH]), network.spec.size)
            parts.append(network(network.spec.prepare(views)).to(torch.float32))
    return Predictions.concatenate(parts)


def _samples(held: Pool) -> list[Sample]:
    """The held-out faces as validation wants them."""
    return [Sample(held.names[held.dataset[i]], "", str(i), held.annotations[i]) for i in range(len(held))]
