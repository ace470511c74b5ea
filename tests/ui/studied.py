"""A study's folder as ``fbn study`` writes it, of made-up runs: the tables are made by the study's own code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fbn.context import write_json
from fbn.studies.affect import STUDY, AffectRequest
from fbn.studies.folder import begin, file_of, finished, write_runs
from fbn.studies.measure import FIGURES
from fbn.studies.study import Arm, Request, Study
from fbn.studies.summary import write_summary
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL, Task


class Set(NamedTuple):
    """As ``fbn.studies.drawn.SETS`` has them."""

    name: str
    task: Task | None
    figures: tuple[str, ...]
    filmed: bool = False


#: The tests' own, so that a study of other sets does not change what they say.
SETS = (
    Set("rafdb", EXPRESSION, ("mean_diagonal",)),
    Set("emotionet", ACTION_UNITS, ("afa", "f1", "auc")),
    Set("bp4d", ACTION_UNITS, ("f1", "auc")),
    Set("affwild2", VALENCE_AROUSAL, ("ccc_valence", "ccc_arousal"), filmed=True),
    Set("disfa", None, ("f1", "auc")),
    Set("afew-va", None, ("ccc_valence", "ccc_arousal"), filmed=True),
    Set("affectnet", None, ("ccc_valence", "ccc_arousal", "expression_f1", "accuracy")),
)
HEADS = {EXPRESSION: "expression", ACTION_UNITS: "units", VALENCE_AROUSAL: "affect"}
CORE = ("single-expression", "single-au", "single-va", "none", "match", "both")
#: Row -> what it is better by than the uncoupled one; the others are 0.02 better.
GAINS = {"none": 0.0, "both": 0.1, "single-expression": 0.09, "single-au": -0.05, "single-va": 0.0} | {
    "vgg-face-none": 0.0,
    "resnet-50-none": 0.0,
    "resnet-50-both": 0.1,
    "densenet-121-none": 0.12,
}
#: How far seeds lie apart: a difference of 0.02 cannot be told from chance, one of 0.1 can.
NOISE = (0.0, 0.03, -0.02, 0.015, -0.025)


def make(folder: Path, **asked: Any) -> Path:
    """Write a finished study of made-up figures."""
    request = AffectRequest(**{"rows": CORE, "seeds": 5} | asked)

    def made(number: int, arm: Arm, seed: int) -> dict[str, Any]:
        found = run(arm, seed, NOISE[(number * 7 + seed) % 5], request.action_units or 80)
        return found | {"steps": request.steps or found["steps"]}

    return write(STUDY, request, folder, made)


def write(study: Study, request: Request, folder: Path, run: Callable[[int, Arm, int], dict[str, Any]]) -> Path:
    """Write a finished study of made runs; each is made from its number, arm and seed."""
    begin(request, folder)
    for number, (seed, name) in enumerate(request.runs):
        write_json(file_of(folder, seed, name), run(number, study.arms[name], seed))
    runs = finished(request, folder)
    write_runs(folder, runs)
    write_summary(study, request, folder, runs)
    return folder


def run(arm: Arm, seed: int, noise: float, units: int) -> dict[str, Any]:
    """One run's file."""
    heads = {HEADS[task] for task in arm.changes.get("tasks", AFFECT_TASKS)}
    figures, details, chance = {}, {}, {}
    for own in SETS:
        for suffix in ("", "/filtered") if own.filmed else ("",):
            for name in own.figures:
                key, value = f"{own.name}/{name}{suffix}", 0.5 + GAINS.get(arm.name, 0.02) + noise + 0.04 * bool(suffix)
                chance[key] = 0.14
                if FIGURES[name][0] in heads:
                    figures[key] = value
        if "f1" in own.figures and "units" in heads:
            gain = GAINS.get(arm.name, 0.02)
            details[f"{own.name}/f1"] = {"AU1": 0.3 + gain + noise, "AU12": 0.8 + noise, "AU14": 0.4}
        if {"mean_diagonal", "accuracy"} & set(own.figures) and "expression" in heads:
            details[f"{own.name}/recall"] = {"neutral": 0.5 + noise, "fear": 0.3, "happiness": 0.9}
    late = [None, None, 0.9, 0.8]
    curves = {"expression": [2.0, 1.5, 1.2, 1.0], **dict.fromkeys(arm.terms, late)}
    return {
        "row": arm.name,
        "seed": seed,
        "figures": figures,
        "chance": chance,
        "details": details,
        "curves": curves,
        "labelled": {"expression": 1800, "action_units": units, "valence_arousal": 1920},
        "trained_on": [own.name for own in SETS if own.task],
        "table": {"rows": {"fear": {"AU01": 1.0}, "happiness": {"AU12": 1.0}}} if arm.terms else None,
        "steps": 500,
        "pictures": 96,
        "parameters": 700_000,
        "seconds": 33.0,
        "device": "cpu",
        "git_sha": "0123456",
        "date": "2026-01-02T03:04:05+00:00",
        "draws": {key: [value - 0.02, value, value + 0.02] for key, value in figures.items()},
    }
