"""Few-shot compound expressions: a small folder of labelled pictures in, a measured and named model out.

The job kind ``fewshot`` and ``fbn fewshot`` are ``few_shot``. What is asked and answered: ``fbn.fewshot.request``.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from fbn.fewshot.curve import Learn, as_json, by_probe, curve, draw, measured, out_of_fold
from fbn.fewshot.features import Material, compound_logits, look, starting, with_probe
from fbn.fewshot.measure import figures, finite, gain, remembered
from fbn.fewshot.probe import Numbers, Probe, probe
from fbn.fewshot.request import FewShot, Result, Strategy
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.relatedness import RelatednessTable

__all__ = ["FewShot", "Result", "few_shot"]

PLAN, RESULT, SCORES = "fewshot.json", "result.json", "scores"
#: Shares of the time: reading, features, measuring, curve, learning, saving.
_SHARES = {
    "probe": {"reading": 0.3, "features": 0.2, "measuring": 0.05, "curve": 0.25, "learning": 0.05, "saving": 0.15},
    "tuned": {"reading": 0.05, "features": 0.05, "measuring": 0.6, "curve": 0.05, "learning": 0.2, "saving": 0.05},
}
#: The seed of the draw that the saved model learns from; draws of the curve have others.
_OWN_DRAW = 0


@dataclass(frozen=True)
class _Learned:
    """What the saved model is, and the probe that it began with."""

    network: FaceNetwork
    probe: Probe
    rows: Numbers
    epochs: int


def few_shot(parameters: FewShot, context: Context) -> Result:
    """Read, measure, learn, save. What the folder holds already is not computed again.

    Returns:
        As ``Result``, which is also in the folder's ``result.json``.

    Raises:
        FbnError: the data, the classes or the model cannot be used, the name is taken, or the folder holds another
            request.
        OSError: the disk is full.
        Cancelled: somebody asked.
    """
    _begin(parameters, context.folder)
    saving.check_name(parameters)
    clock = _Stopwatch(context, "probe" if parameters.strategy == "probe" else "tuned")
    with clock.part("reading", "reading the pictures, finding faces") as part:
        faces = read_faces(parameters.data, parameters.crops, _watch(part, "reading the pictures, finding faces"))
    with clock.part("features", "showing the pictures to the network") as part:
        network, weights = starting(parameters.model)
        classes = _classes(parameters, faces.classes, faces.name)
        watch = _watch(part, "showing the pictures to the network")
        material = look(faces, network, weights, classes, watch)
    rows = measured(material.labels, faces.test, parameters.folds, parameters.seed, faces.groups.tolist())
    tuner = _Tuner(material, parameters.seed)
    with clock.part("measuring", "measuring") as part:
        learn = _way(parameters.strategy, parameters, tuner, part, "measuring")
        logits = _scores(parameters, material, learn)[rows]
    with clock.part("curve", "learning curve") as part:
        points = _curve(parameters, tuner, part) if parameters.curve else []
    with clock.part("learning", "learning") as part:
        learned = _learn(parameters, tuner, part)
    result = _result(parameters, material, learned, rows, logits)
    result["curve"] = as_json(points)
    with clock.part("saving", "looking at what went wrong"):
        listed, total = saving.wrong(material, learned.network, rows, logits, context.folder)
        if parameters.name:
            saving.save(learned.network, parameters.name, parameters, material, result)
    result |= {"wrong": listed, "wrong_total": total, "seconds": clock.seconds()}
    found: Result = finite(result)
    write_json(context.folder / RESULT, found)
    return found


def _begin(parameters: FewShot, folder: Path) -> None:
    asked, path = parameters.model_dump(mode="json"), folder / PLAN
    if path.exists():
        before = json.loads(path.read_bytes())
        if differs := [key for key in asked if asked[key] != before.get(key) and key not in ("name", "overwrite")]:
            raise FormatError(f"{folder} holds another request (it differs in {', '.join(differs)})")
    write_json(path, asked)


def _classes(parameters: FewShot, own: tuple[str, ...], name: str) -> CompoundClasses:
    if parameters.classes is not None:
        return CompoundClasses.named(parameters.classes)
    if len(own) < 2:
        raise FormatError(f"{parameters.data}: all pictures are {own[0]!r}, expected two classes or more")
    return CompoundClasses.of(own, RelatednessTable.named("du2014"), name)


def _scores(parameters: FewShot, material: Material, learn: Learn) -> NDArray:
    """[n, C] logits of each measured picture from pictures that it is not among; nan elsewhere."""
    faces, y, shots, seed = material.faces, material.labels, parameters.shots, parameters.seed
    nothing = np.full((len(y), len(material.classes.classes)), np.nan)
    if faces.test is not None:
        out = np.flatnonzero(faces.test)
        nothing[out] = learn(draw(y, np.flatnonzero(~faces.test), shots, (seed, _OWN_DRAW)), out)
        return nothing
    groups = faces.groups.tolist()
    if not len(measured(y, None, parameters.folds, seed, groups)):
        return nothing
    return out_of_fold(learn, y, parameters.folds, seed, shots, (seed, _OWN_DRAW), groups)


class _Tuner:
    """Trains further than the probe; what was trained last is not trained again (measured on a test part, it is saved).

    Args:
        material: pictures and the network to start from.
        seed: of every training.
    """

    def __init__(self, material: Material, seed: int) -> None:
        self.material, self._seed = material, seed
        self._last: tuple[bytes, Any] | None = None

    def __call__(self, rows: Numbers, strategy: Strategy, context: Context, words: str) -> Any:
        """A ``fbn.fewshot.tune.Tuned``."""
        # Lightning takes seconds to import, and pages import this module
        from fbn.fewshot.tune import tune

        key = strategy.encode() + rows.tobytes()
        if self._last is None or self._last[0] != key:
            assert strategy != "probe"
            self._last = key, tune(self.material, rows, strategy, self._seed, context, words)
        return self._last[1]


def _way(strategy: Strategy, parameters: FewShot, tuner: _Tuner, context: Context, words: str) -> Learn:
    """A strategy as a way of learning, whose scores are kept."""
    material = tuner.material
    groups = material.faces.groups.tolist()
    of_probe = by_probe(material.features, material.total, torch.from_numpy(material.labels), groups)
    folds = parameters.folds if material.faces.test is None else 1
    done = 0

    def of_tuning(rows: Numbers, out: Numbers) -> NDArray:
        nonlocal done
        about = words if folds == 1 else f"{words}, part {done % folds + 1} of {folds}"
        share = _within(context, done % folds / folds, 1 / folds)
        done += 1
        found = tuner(rows, strategy, share, about)
        return compound_logits(found.network, material.faces.crops, material.faces.rows[out]).double().numpy()

    def checked(rows: Numbers, out: Numbers) -> NDArray:
        context.check()
        return of_probe(rows, out) if strategy == "probe" or not len(rows) else of_tuning(rows, out)

    key = f"{material.key} {strategy} {parameters.seed} {material.classes.to_dict()}"
    return remembered(checked, context.folder / SCORES, key)


def _curve(parameters: FewShot, tuner: _Tuner, context: Context) -> Any:
    assert parameters.curve is not None
    material = tuner.material
    return curve(
        material.features,
        material.total,
        torch.from_numpy(material.labels),
        test=material.faces.test,
        draws=parameters.draws,
        folds=parameters.folds,
        seed=parameters.seed,
        groups=material.faces.groups.tolist(),
        learn=_way(parameters.curve, parameters, tuner, context, "learning curve"),
        context=context,
    )


def _learn(parameters: FewShot, tuner: _Tuner, context: Context) -> _Learned:
    """The model that is saved: of all that may be learned from, or so many a class."""
    material = tuner.material
    faces, y, seed = material.faces, material.labels, parameters.seed
    every = np.arange(len(y)) if faces.test is None else np.flatnonzero(~faces.test)
    rows = draw(y, every, parameters.shots, (seed, _OWN_DRAW))
    if parameters.strategy != "probe" and len(rows):
        found = tuner(rows, parameters.strategy, context, "learning")
        return _Learned(found.network, found.probe, rows, found.epochs)
    own = torch.from_numpy(rows)
    groups = faces.groups[rows].tolist()
    made = probe(material.features[own], material.total[own], torch.from_numpy(y[rows]), groups=groups)
    return _Learned(with_probe(material, made), made, rows, 0)


def _result(
    parameters: FewShot, material: Material, learned: _Learned, rows: Numbers, logits: NDArray
) -> dict[str, Any]:
    names, faces = material.classes.classes, material.faces
    truth, seed = material.labels[rows], parameters.seed
    choice = logits.argmax(1) if len(rows) else truth
    base = material.total.numpy()[rows].argmax(1) if len(rows) else truth
    own, zero = (figures(each, truth, names, seed) for each in (choice, base))
    said, seen = np.bincount(truth, minlength=len(names)), np.bincount(material.labels, minlength=len(names))
    learned_from = np.bincount(material.labels[learned.rows], minlength=len(names))
    single = [name for name, n, all_ in zip(names, said, seen, strict=True) if all_ and not n]
    notes = saving.notes(parameters, material, learned.rows, single)
    if parameters.strategy != "probe" and not learned.epochs:
        notes.append("Pictures left out spoke against training further: the model saved is the probe.")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "asked": parameters.model_dump(mode="json"),
        "data": faces.name,
        "set": material.classes.name,
        "classes": list(names),
        "known": list(material.classes.known),
        "counts": dict(zip(names, learned_from.tolist(), strict=True)),
        "measured": dict(zip(names, said.tolist(), strict=True)),
        "unmeasured": single,
        "measurement": "folds" if faces.test is None else "test",
        "confusion": own["confusion"],
        "recall": own["recall"],
        "figures": own["figures"],
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


def _within(context: Context, start: float, length: float) -> Context:
    """A part of the work as a work of its own."""
    return replace(context, report=lambda share, words: context.report(start + share * length, words))


def _watch(context: Context, words: str) -> Any:
    def watch(share: float) -> None:
        context.check()
        context.report(share, words)

    return watch


class _Stopwatch:
    """Seconds of each part, and where in the whole it stands."""

    def __init__(self, context: Context, shares: str) -> None:
        self._context, self._shares = context, _SHARES[shares]
        self._seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str, words: str) -> Iterator[Context]:
        """Time a part; its own context counts from 0 to 1."""
        names = list(self._shares)
        start = sum(self._shares[before] for before in names[: names.index(name)])
        self._context.check()
        self._context.report(start, words)
        begun = time.monotonic()
        yield _within(self._context, start, self._shares[name])
        self._seconds[name] = time.monotonic() - begun

    def seconds(self) -> dict[str, float]:
        """Of each part and of all."""
        return {name: round(value, 2) for name, value in self._seconds.items()} | {
            "total": round(sum(self._seconds.values()), 2)
        }
