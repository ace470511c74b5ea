"""The study ``transfer``: a small network trained on synthetic faces only is measured on all of CK+.

``fbn bench synthetic``. People, poses, light and cameras vary widely; du2014's table gives the AUs of each expression.
In two thirds of the faces further AUs are active at random, so that a network must recognise each AU itself; the rest
are posed or neutral. CK+ is never trained on.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from pydantic import Field

from fbn import metrics
from fbn.context import write_json
from fbn.data.augment import Augmentation, centre
from fbn.data.crops import Crops, cached_crops
from fbn.data.loading import Pool, Stream
from fbn.data.sources import ckplus, find
from fbn.errors import FormatError
from fbn.records import Annotations, Predictions, Sample
from fbn.relatedness import RelatednessTable
from fbn.studies.affect_display import FIGURES_DISPLAY
from fbn.studies.display import Details, First
from fbn.studies.study import Arm, Budget, Measured, Report, Request, Study, Trained, Training, by_name
from fbn.synthetic.activity import Activity
from fbn.synthetic.cached import cached_pool
from fbn.synthetic.domains import Domain
from fbn.synthetic.ict import IctFace
from fbn.synthetic.people import Population
from fbn.synthetic.world import World, WorldSettings
from fbn.training.figures import chance, figures, scorable, scored_rows
from fbn.training.predict import predict
from fbn.training.provenance import revision
from fbn.training.recipe import Recipe
from fbn.vocabulary import ACTION_UNITS, EXPRESSIONS, Expression

REPORT = "report.json"
ARMS = by_name(
    [
        Arm("synthetic", "faces", "fbn's own drawn face"),
        Arm("ict", "faces", "renders of ICT-FaceKit", baseline="synthetic"),
    ]
)
MESH = Path("ict_facekit") / "ict_facekit.npz"
#: AUs with fewer positive sequences on CK+ are left out of the mean.
POSITIVES = 8
#: Number of pictures from which they are drawn by several processes, which take seconds to start.
_PARALLEL = 1000
#: Ridge penalties of the linear probe, as fractions of the number of pictures, and the side of its pictures.
_PENALTIES, _PROBE_SIDE = (0.001, 0.01, 0.1, 1.0), 32

_REST = {Expression.NEUTRAL: 3.0}
#: A wide variety of people, poses, light and cameras.
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
#: AUs occur alone and with others, so that each must be recognised; faint ones count as absent, as in FACS coding.
SETTINGS = WorldSettings(activity=Activity(distractor=0.15, trace=0.4))
#: Posed expressions and neutral faces, almost without AUs outside their row.
POSED = BROAD.model_copy(update={"name": "posed", "classes": tuple((e.value, _REST.get(e, 1.0)) for e in EXPRESSIONS)})
POSED_SETTINGS = WorldSettings(activity=Activity(distractor=0.02, trace=0.4))
#: Stronger than for photographs, so that the network does not learn properties of the rendering.
AUGMENTATION = Augmentation(
    rotation=8, scale=(0.92, 1.09), shift=0.05, light=1.2, gray=0.5, dark=0.05, blur=0.2, jpeg=0.2, small=0.4, erase=0.2
)


class TransferBudget(Budget):
    """Size of the data set, the network and the training.

    Attributes:
        pictures: training faces; a tenth as many, of other people, are held out.
        batch: batch size.
        sides: resolutions over the run, see ``Recipe.sides``.
        widths: channels of the network's stages.
    """

    steps: int = Field(default=3000, ge=1)
    seeds: int = Field(default=1, ge=1, le=50)
    rounds: int = Field(default=1000, ge=1)
    all_cores: bool = True
    pictures: int = Field(default=12_000, ge=50)
    batch: int = Field(default=64, ge=1)
    sides: tuple[int, ...] = (64, 64, 64, 112)
    widths: tuple[int, ...] = (24, 48, 96, 192)


BUDGETS: dict[str, TransferBudget] = {
    "smoke": TransferBudget(steps=3, pictures=60, batch=8, sides=(48,), widths=(8, 16), rounds=20),
    "small": TransferBudget(),
}


class TransferRequest(Request):
    """Request of the study.

    Attributes:
        data: folder with ``ckplus`` and, for the arm ``"ict"``, ``ict_facekit/ict_facekit.npz``.
        pictures: instead of the budget's.
    """

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = BUDGETS

    pictures: int | None = Field(default=None, ge=50, description="Faces to draw and train on.")

    @property
    def recipe(self) -> Recipe:
        """The training recipe, without coupling terms."""
        limits = self.limits
        losses: dict[str, Any] = {"expression": 1.0, "action_units": 2.0, "valence_arousal_mse": 0.5}
        return Recipe(
            network_args={"widths": limits.widths, "blocks": (2,) * len(limits.widths), "dropout": 0.2},
            objective=losses,
            augmentation=AUGMENTATION,
            sides=limits.sides,
            learning_rate=2e-3,
            warmup=100,
            averaging=0.99,
        )


@dataclass(frozen=True)
class TransferData:
    """All of CK+: its samples and their crops."""

    samples: tuple[Sample, ...]
    crops: Crops


def worlds(seed: int, held_out: bool = False) -> tuple[World, World]:
    """Return the worlds of the faces, two thirds of the first, one third of the second; held out: other people."""
    table, number = RelatednessTable.named("du2014"), 2 * seed + held_out
    return World(table, number, BROAD, SETTINGS), World(table, number, POSED, POSED_SETTINGS)


def faces(request: TransferRequest, arm: Arm, seed: int, held_out: bool = False) -> Pool:
    """Draw the training faces, or a tenth as many held-out ones, or read them from the cache."""
    assert request.data is not None
    count = max(60, request.limits.pictures // 10) if held_out else request.limits.pictures
    mesh = request.data / MESH if arm.name == "ict" else None
    # a process takes seconds to start
    processes = (os.cpu_count() or 1) if count >= _PARALLEL else 1
    pools = (
        cached_pool(world, number, mesh, processes, progress=False)
        for world, number in zip(worlds(seed, held_out), (count - count // 3, count // 3), strict=True)
    )
    return Pool.of({pool.names[0]: (pool.crops[0], pool.annotations) for pool in pools})


def load(request: TransferRequest, seed: int, report: Report) -> TransferData:
    """Read all of CK+, the same for every seed.

    Raises:
        FbnError: a data set does not exist or cannot be read.
    """
    if request.data is None:
        raise FormatError("data: expected a folder with ckplus, which is measured on")
    root = find(request.data, ckplus.NAME)
    if any(arm.name == "ict" for arm in request.chosen):
        IctFace.read(request.data / MESH)
    report(0.0, "reading CK+")
    samples = tuple(ckplus.read(root).samples)
    return TransferData(samples, cached_crops(samples))


def training(request: TransferRequest, arm: Arm, seed: int, data: TransferData) -> Training:
    """Return the recipe and the arm's faces."""
    pool = faces(request, arm, seed)
    return Training(request.recipe, pool, [Stream(np.arange(len(pool)), request.limits.batch)])


def measured(trained: Trained) -> Measured:
    """Return a trained network's metrics on CK+ and on held-out drawn faces."""
    data, request, network = trained.data, trained.request, trained.network
    held_out = faces(request, trained.arm, trained.seed, held_out=True)
    real = on_ckplus(predict(network, data.crops), data.samples, request.limits.rounds)
    crops = np.concatenate([np.asarray(part) for part in held_out.crops])
    drawn = _on_drawn(predict(network, crops), trained.training.pool, held_out)
    units: dict[str, dict[str, Any]] = dict(real["units"])
    for unit, areas in drawn.pop("drawn_units").items():
        units[unit] = units.get(unit, {}) | areas
    baseline = chance(Annotations.stack([sample.annotations for sample in data.samples]))
    on_real = {f"ckplus/{name}": each["value"] for name, each in real["figures"].items()}
    return Measured(
        on_real | {f"drawn/{name}": value for name, value in drawn["drawn"].items()},
        details={
            "ckplus/auc": {unit: own["ckplus"] for unit, own in units.items() if "ckplus" in own},
            "drawn/auc": {unit: own["drawn"] for unit, own in units.items() if np.isfinite(own["drawn"])},
        },
        chance={key: baseline[key.partition("/")[2]] for key in on_real},
        more={"source": {**real, **drawn, "units": units}, "read": _about(data.samples)},
    )


def _about(samples: Sequence[Sample]) -> dict[str, Any]:
    return {
        "set": ckplus.NAME,
        "pictures": len(samples),
        "sequences": len({ckplus.sequence_of(sample) for sample in samples}),
        "subjects": len({sample.subject for sample in samples}),
    }


def conclude(
    request: TransferRequest, folder: Path, runs: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Write ``report.json``, with each arm's first seed.

    Returns:
        date, git_sha, plan, data (size of CK+), chance, and sources: arm -> figures (each ``value``, ``low``,
        ``high``), units (AU -> positive sequences, ROC area on CK+, on held-out drawn faces, and of the linear probe on
        these), drawn (metrics on the held-out faces), probe (its mean area) and seconds.
    """
    first = {run["row"]: run for run in reversed(runs)}
    one = runs[0]
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "git_sha": revision(),
        "plan": request.limits.model_dump(mode="json")
        | {"seed": request.first_seed, "worlds": [json.loads(world.to_json()) for world in worlds(request.first_seed)]},
        "data": one["read"],
        "chance": {name: one["chance"][f"ckplus/{name}"] for name in ("auc", "mean_diagonal")},
        "sources": {
            arm.name: {**first[arm.name]["source"], "seconds": {"training": round(first[arm.name]["seconds"])}}
            for arm in request.chosen
        },
    }
    write_json(folder / REPORT, report)
    return report


def on_ckplus(predictions: Predictions, samples: Sequence[Sample], rounds: int = 1000) -> dict[str, Any]:
    """Compute metrics on CK+'s coded frames and onsets, with bootstrap intervals over subjects.

    Returns:
        figures: ``auc``, the mean over AUs with ``POSITIVES`` or more positive sequences, and ``mean_diagonal`` over
        seven classes, each ``value``, ``low``, ``high``; units: AU -> positives (sequences) and ckplus (ROC area).
    """
    labels = Annotations.stack([sample.annotations for sample in samples])
    peaks = labels[torch.from_numpy(scored_rows(samples))]
    columns = scorable(peaks, POSITIVES)
    predicted, true, known = (
        x.numpy()[:, columns] for x in (predictions.action_units, labels.action_units, labels.action_units_weight)
    )
    of_interest = {
        "auc": lambda at: float(np.nanmean(metrics.au_auc(predicted[at], true[at], known[at]))),
        "mean_diagonal": figures(predictions, labels)["mean_diagonal"],
    }
    subjects = [sample.subject for sample in samples]
    intervals = {
        name: asdict(metrics.bootstrap(figure, len(samples), subjects, rounds)) for name, figure in of_interest.items()
    }
    positives = (peaks.action_units * (peaks.action_units_weight > 0)).sum(0)
    areas = metrics.au_auc(predicted, true, known)
    units = {
        ACTION_UNITS[column].short: {"positives": int(positives[column]), "ckplus": float(area)}
        for column, area in zip(columns, areas, strict=True)
    }
    return {"figures": intervals, "units": units}


def _on_drawn(predictions: Predictions, pool: Pool, held_out: Pool) -> dict[str, Any]:
    every, truth = np.arange(len(held_out)), held_out.annotations
    drawn = {name: figure(every) for name, figure in figures(predictions, truth, 1).items()}
    areas, probe = metrics.au_auc(predictions.action_units, truth.action_units), pixel_probe(pool, held_out)
    units = {unit.short: {"drawn": float(areas[i]), "probe": float(probe[i])} for i, unit in enumerate(ACTION_UNITS)}
    return {"drawn": drawn, "probe": float(np.nanmean(probe)), "drawn_units": units}


def pixel_probe(pool: Pool, held_out: Pool) -> metrics.Array:
    """Return [17] ROC area of each AU on held-out faces, predicted by ridge regression from 32x32 gray pixels.

    It tells how trivial the AUs of drawn faces are. The penalty is the best one on the held-out faces, so the areas are
    optimistic.
    """
    train, test = _pixels(pool), _pixels(held_out)
    mean, spread = train.mean(0), train.std(0) + 1e-6
    labels, truth = pool.annotations.action_units.numpy(), held_out.annotations.action_units.numpy()
    candidates = [
        metrics.au_auc(ridge((train - mean) / spread, labels, (test - mean) / spread, penalty), truth)
        for penalty in _PENALTIES
    ]
    return max(candidates, key=lambda areas: float(np.nan_to_num(np.nanmean(areas))))


def ridge(features: np.ndarray, targets: np.ndarray, unseen: np.ndarray, penalty: float) -> np.ndarray:
    """Fit ridge regression in closed form and return its predictions [M, K] for ``unseen`` [M, D].

    Minimises |y - b - x w|^2 + penalty N |w|^2 over [N, D] features of mean 0 and [N, K] targets.
    """
    count, width = features.shape
    gram = features.T @ features + penalty * count * np.eye(width)
    bias = targets.mean(0)
    return np.asarray(unseen @ np.linalg.solve(gram, features.T @ (targets - bias)) + bias)


def _pixels(pool: Pool) -> np.ndarray:
    """Return [N, 1024] float64 gray values of a pool's crops without their margins."""
    crops = (cv2.cvtColor(centre(pool.crop(number)), cv2.COLOR_RGB2GRAY) for number in range(len(pool)))
    size = (_PROBE_SIDE, _PROBE_SIDE)
    return np.stack([cv2.resize(gray, size, interpolation=cv2.INTER_AREA).ravel() for gray in crops]).astype(float)


def _first(_: Mapping[str, Any]) -> First:
    return First(("ict",), ("auc", "mean_diagonal"))


STUDY = Study(
    name="transfer",
    title="What do drawn faces teach about real ones? Trained on drawn faces alone, measured on all of CK+.",
    request=TransferRequest,
    load=load,
    training=training,
    measure=measured,
    conclude=conclude,
    display=replace(
        FIGURES_DISPLAY,
        title="From drawn faces to real ones",
        sets={ckplus.NAME: "CK+", "drawn": "Held-out drawn faces"},
        marks_unseen=False,
        faces=("Drawn faces", "Trained on drawn faces, measured on CK+"),
        arms={"synthetic": "fbn's own drawn face", "ict": "ICT-FaceKit's face"},
        sides={"uncoupled": "fbn's own drawn face"},
        first=_first,
        details={"auc": Details("Action units", "ROC area", "ROC area of each action unit; 0.5 is guessing.")},
    ),
)
