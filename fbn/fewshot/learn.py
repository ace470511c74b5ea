"""Few-shot learning of compound expressions: from a small folder of labelled pictures to an evaluated, saved model.

The job kind ``fewshot`` and the command ``fbn fewshot`` call ``few_shot``. Its request and result are in
``fbn.fewshot.request``.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fbn.compound import CompoundClasses
from fbn.context import Context, write_json
from fbn.data.compound_faces import read_faces
from fbn.errors import FormatError
from fbn.fewshot import publish as saving
from fbn.fewshot.curve import LearningMethod, as_json, curve, measured_rows, out_of_fold, probe_method, sample_shots
from fbn.fewshot.features import FewShotData, compound_logits, extract_features, load_starting_network, with_probe
from fbn.fewshot.measure import cached, figures, finite, gain
from fbn.fewshot.probe import IntArray, Probe, probe
from fbn.fewshot.request import FewShot, Result, Strategy
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.relatedness import RelatednessTable

__all__ = ["FewShot", "Result", "few_shot"]

PLAN, RESULT, SCORES = "fewshot.json", "result.json", "scores"
#: Fraction of the run time that each stage is expected to take, for progress.
_TIME_FRACTIONS = {
    "probe": {"reading": 0.3, "features": 0.2, "measuring": 0.05, "curve": 0.25, "learning": 0.05, "saving": 0.15},
    "tuned": {"reading": 0.05, "features": 0.05, "measuring": 0.6, "curve": 0.05, "learning": 0.2, "saving": 0.05},
}
#: Seed of the draw that the saved model is trained on; draws of the curve have others.
_FINAL_DRAW = 0


@dataclass(frozen=True)
class _Learned:
    """The final network, the probe it started from, its training rows and its number of epochs (0: the probe alone)."""

    network: FaceNetwork
    probe: Probe
    rows: IntArray
    epochs: int


def few_shot(parameters: FewShot, context: Context) -> Result:
    """Read the pictures, evaluate, train the final model and save it. Resumes from results in the folder.

    Returns:
        A ``Result``, also written to the folder's ``result.json``.

    Raises:
        FbnError: the data, the classes or the model cannot be used, the name is taken, or the folder holds another
            request.
        OSError: the disk is full.
        Cancelled: cancelled by the user.
    """
    _begin(parameters, context.folder)
    saving.check_name(parameters)
    clock = _Stopwatch(context, "probe" if parameters.strategy == "probe" else "tuned")
    with clock.part("reading", "reading the pictures, finding faces") as part:
        faces = read_faces(parameters.data, parameters.crops, _watch(part, "reading the pictures, finding faces"))
    with clock.part("features", "showing the pictures to the network") as part:
        network, weights = load_starting_network(parameters.model)
        classes = _classes(parameters, faces.classes, faces.name)
        watch = _watch(part, "showing the pictures to the network")
        data = extract_features(faces, network, weights, classes, watch)
    rows = measured_rows(data.labels, faces.test, parameters.folds, parameters.seed, faces.groups.tolist())
    tuner = _Tuner(data, parameters.seed)
    with clock.part("measuring", "measuring") as part:
        learn = _method(parameters.strategy, parameters, tuner, part, "measuring")
        logits = _scores(parameters, data, learn)[rows]
    with clock.part("curve", "learning curve") as part:
        points = _curve(parameters, tuner, part) if parameters.curve else []
    with clock.part("learning", "learning") as part:
        learned = _learn(parameters, tuner, part)
    result = _result(parameters, data, learned, rows, logits)
    result["curve"] = as_json(points)
    with clock.part("saving", "looking at what went wrong"):
        listed, total = saving.wrong(data, learned.network, rows, logits, context.folder)
        if parameters.name:
            saving.save(learned.network, parameters.name, parameters, data, result)
    result |= {"wrong": listed, "wrong_total": total, "seconds": clock.seconds()}
    final: Result = finite(result)
    write_json(context.folder / RESULT, final)
    return final


def _begin(parameters: FewShot, folder: Path) -> None:
    request, path = parameters.model_dump(mode="json"), folder / PLAN
    if path.exists():
        before = json.loads(path.read_bytes())
        if differs := [key for key in request if request[key] != before.get(key) and key not in ("name", "overwrite")]:
            raise FormatError(f"{folder} holds another request (it differs in {', '.join(differs)})")
    write_json(path, request)


def _classes(parameters: FewShot, present: tuple[str, ...], name: str) -> CompoundClasses:
    if parameters.classes is not None:
        return CompoundClasses.named(parameters.classes)
    if len(present) < 2:
        raise FormatError(f"{parameters.data}: all pictures are {present[0]!r}, expected two classes or more")
    return CompoundClasses.of(present, RelatednessTable.named("du2014"), name)


def _scores(parameters: FewShot, data: FewShotData, learn: LearningMethod) -> NDArray:
    """Return [n, C] logits of each measured picture, from training without it; NaN elsewhere."""
    faces, y, shots, seed = data.faces, data.labels, parameters.shots, parameters.seed
    scores = np.full((len(y), len(data.classes.classes)), np.nan)
    if faces.test is not None:
        held_out = np.flatnonzero(faces.test)
        scores[held_out] = learn(sample_shots(y, np.flatnonzero(~faces.test), shots, (seed, _FINAL_DRAW)), held_out)
        return scores
    groups = faces.groups.tolist()
    if not len(measured_rows(y, None, parameters.folds, seed, groups)):
        return scores
    return out_of_fold(learn, y, parameters.folds, seed, shots, (seed, _FINAL_DRAW), groups)


class _Tuner:
    """Fine-tunes networks; the last one is cached, since the one measured on a test split is also the one saved.

    Args:
        data: pictures and the network to start from.
        seed: seed of every training.
    """

    def __init__(self, data: FewShotData, seed: int) -> None:
        self.data, self._seed = data, seed
        self._last: tuple[bytes, Any] | None = None

    def __call__(self, rows: IntArray, strategy: Strategy, context: Context, message: str) -> Any:
        """Return a ``fbn.fewshot.tune.Tuned``."""
        # Lightning takes seconds to import, and pages import this module
        from fbn.fewshot.tune import tune

        key = strategy.encode() + rows.tobytes()
        if self._last is None or self._last[0] != key:
            assert strategy != "probe"
            self._last = key, tune(self.data, rows, strategy, self._seed, context, message)
        return self._last[1]


def _method(strategy: Strategy, parameters: FewShot, tuner: _Tuner, context: Context, message: str) -> LearningMethod:
    """Return a strategy as a learning method with cached scores."""
    data = tuner.data
    groups = data.faces.groups.tolist()
    of_probe = probe_method(data.features, data.total, torch.from_numpy(data.labels), groups)
    folds = parameters.folds if data.faces.test is None else 1
    done = 0

    def of_tuning(rows: IntArray, held_out: IntArray) -> NDArray:
        nonlocal done
        about = message if folds == 1 else f"{message}, part {done % folds + 1} of {folds}"
        of_fold = context.part(done % folds / folds, 1 / folds)
        done += 1
        tuned = tuner(rows, strategy, of_fold, about)
        return compound_logits(tuned.network, data.faces.crops, data.faces.rows[held_out]).double().numpy()

    def checked(rows: IntArray, held_out: IntArray) -> NDArray:
        context.check()
        return of_probe(rows, held_out) if strategy == "probe" or not len(rows) else of_tuning(rows, held_out)

    key = f"{data.key} {strategy} {parameters.seed} {data.classes.to_dict()}"
    return cached(checked, context.folder / SCORES, key)


def _curve(parameters: FewShot, tuner: _Tuner, context: Context) -> Any:
    assert parameters.curve is not None
    data = tuner.data
    return curve(
        data.features,
        data.total,
        torch.from_numpy(data.labels),
        test=data.faces.test,
        draws=parameters.draws,
        folds=parameters.folds,
        seed=parameters.seed,
        groups=data.faces.groups.tolist(),
        learn=_method(parameters.curve, parameters, tuner, context, "learning curve"),
        context=context,
    )


def _learn(parameters: FewShot, tuner: _Tuner, context: Context) -> _Learned:
    """Train the final model on all training pictures, or on ``shots`` of each class."""
    data = tuner.data
    faces, y, seed = data.faces, data.labels, parameters.seed
    every = np.arange(len(y)) if faces.test is None else np.flatnonzero(~faces.test)
    rows = sample_shots(y, every, parameters.shots, (seed, _FINAL_DRAW))
    if parameters.strategy != "probe" and len(rows):
        tuned = tuner(rows, parameters.strategy, context, "learning")
        return _Learned(tuned.network, tuned.probe, rows, tuned.epochs)
    index = torch.from_numpy(rows)
    groups = faces.groups[rows].tolist()
    fitted = probe(data.features[index], data.total[index], torch.from_numpy(y[rows]), groups=groups)
    return _Learned(with_probe(data, fitted), fitted, rows, 0)


def _result(
    parameters: FewShot, data: FewShotData, learned: _Learned, rows: IntArray, logits: NDArray
) -> dict[str, Any]:
    names, faces = data.classes.classes, data.faces
    truth, seed = data.labels[rows], parameters.seed
    choice = logits.argmax(1) if len(rows) else truth
    base = data.total.numpy()[rows].argmax(1) if len(rows) else truth
    trained, zero = (figures(each, truth, names, seed) for each in (choice, base))
    measured, total = np.bincount(truth, minlength=len(names)), np.bincount(data.labels, minlength=len(names))
    learned_from = np.bincount(data.labels[learned.rows], minlength=len(names))
    single = [name for name, n, all_ in zip(names, measured, total, strict=True) if all_ and not n]
    notes = saving.notes(parameters, data, learned.rows, single)
    if parameters.strategy != "probe" and not learned.epochs:
        notes.append("Pictures left out spoke against training further: the model saved is the probe.")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "asked": parameters.model_dump(mode="json"),
        "data": faces.name,
        "set": data.classes.name,
        "classes": list(names),
        "known": list(data.classes.known),
        "counts": dict(zip(names, learned_from.tolist(), strict=True)),
        "measured": dict(zip(names, measured.tolist(), strict=True)),
        "unmeasured": single,
        "measurement": "folds" if faces.test is None else "test",
        "confusion": trained["confusion"],
        "recall": trained["recall"],
        "figures": trained["figures"],
        "zero_shot": zero["figures"],
        "zero_shot_confusion": zero["confusion"],
        "zero_shot_recall": zero["recall"],
        "chance": 1 / len(names),
        "difference": gain(choice, base, truth, len(names), seed),
        "curve_of": parameters.curve,
        "coverage": faces.coverage.to_dict(),
        "temperature": learned.probe.temperature,
        "strength": learned.probe.strength if isfinite(learned.probe.strength) else None,
        "model": parameters.name,
        "base": store.manifest(parameters.model).name,
        "notes": notes,
    }


def _watch(context: Context, message: str) -> Any:
    def watch(progress: float) -> None:
        context.check()
        context.report(progress, message)

    return watch


class _Stopwatch:
    """Times the stages of a run and scales their progress to that of the run."""

    def __init__(self, context: Context, kind: str) -> None:
        self._context, self._fractions = context, _TIME_FRACTIONS[kind]
        self._seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str, message: str) -> Iterator[Context]:
        """Time a stage; the context given reports its progress from 0 to 1."""
        names = list(self._fractions)
        start = sum(self._fractions[before] for before in names[: names.index(name)])
        self._context.check()
        self._context.report(start, message)
        begun = time.monotonic()
        yield self._context.part(start, self._fractions[name])
        self._seconds[name] = time.monotonic() - begun

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each stage and their ``total``."""
        return {name: round(value, 2) for name, value in self._seconds.items()} | {
            "total": round(sum(self._seconds.values()), 2)
        }
