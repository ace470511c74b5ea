"""The study ``compound``: does coupling improve zero-shot and few-shot recognition of compound expressions?

It repeats paper A, 4.5.4 and Table VII, on drawn faces; ``fbn bench compound``. For each seed, two networks are trained
on basic labels alone, with and without the couplings, with the same faces, batches and initial weights. Each is then
evaluated on compound expressions zero-shot, and with a few pictures per class. ``assets/studies/compound/PLAN.md``
fixes what is reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from fbn.compound import CompoundClasses
from fbn.context import write_json
from fbn.data.loading import Pool, Stream
from fbn.losses import COUPLINGS
from fbn.relatedness import RelatednessTable
from fbn.studies.compound_faces import SETS, CompoundFaces, basic_held_out, basic_pool, compound_set
from fbn.studies.compound_ferplus import proxy
from fbn.studies.compound_measure import measure
from fbn.studies.display import Display
from fbn.studies.folder import write_csv
from fbn.studies.paired import paired_differences
from fbn.studies.study import Arm, Budget, Measured, Report, Request, Study, Trained, Training, by_name
from fbn.studies.tables_request import NamedRecipe, Table
from fbn.training.figures import figures

RESULT, PAIRS = "result.json", "ferplus.json"
ARMS = by_name(
    [
        Arm("uncoupled", "coupling", "the recipe without its couplings", {"objective": dict.fromkeys(COUPLINGS, 0.0)}),
        Arm("coupled", "coupling", "the recipe as it is", baseline="uncoupled"),
    ]
)
#: AUs with fewer active labels have no F1.
_POSITIVES = 3


class CompoundBudget(Budget):
    """Size of the data sets and of the training.

    Attributes:
        pictures: training pictures with a basic label, for each seed.
        held_out: pictures of basic expressions of other people, with all labels.
        compound: pictures of the RAF-DB compound data set, a fifth of them for testing; both compound data sets are the
            same for every seed.
        emotionet: pictures of the EmotioNet data set, all for testing.
        draws: random draws of the few-shot training pictures, for each network.
    """

    steps: int = Field(default=800, ge=1, le=100_000)
    rounds: int = Field(default=1000, ge=10, le=100_000)
    all_cores: bool = True
    pictures: int = Field(default=3000, ge=60, le=100_000)
    held_out: int = Field(default=400, ge=20, le=20_000)
    compound: int = Field(default=3954, ge=60, le=20_000)
    emotionet: int = Field(default=1600, ge=20, le=20_000)
    draws: int = Field(default=5, ge=1, le=100)


BUDGETS: dict[str, CompoundBudget] = {
    "smoke": CompoundBudget(steps=2, seeds=1, pictures=60, held_out=20, compound=110, emotionet=32, draws=2, rounds=20),
    "small": CompoundBudget(),
}


class CompoundRequest(Request):
    """Request of the study.

    Attributes:
        pictures: instead of the budget's.
        draws: instead of the budget's.
        data: folder with FER+, for the proxy on real faces.
        model: evaluated on the proxy.
        set_seed: seed of both compound data sets.
        recipe: recipe of the coupled arm, apart from table, seed and steps.
        table: used to draw all faces, to train the networks and to compute the zero-shot scores.
    """

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = BUDGETS

    pictures: int | None = Field(default=None, ge=60, le=100_000, description="Drawn faces to train on, a seed.")
    draws: int | None = Field(default=None, ge=1, le=100, description="Draws of the few pictures to learn from.")
    model: str = Field(default="fbn", description="Name or folder of the model that reads FER+.")
    set_seed: int = Field(default=700_000, ge=0)
    recipe: NamedRecipe = Field(
        default="coupled", validate_default=True, description="Name of a shipped recipe, or a YAML file."
    )
    table: Table = Field(default="du2014", validate_default=True)


@dataclass(frozen=True)
class CompoundData:
    """Training and test data of one seed, the same for both arms.

    Attributes:
        pool, streams: training pictures of basic expressions.
        basic: held-out pictures of basic expressions of other people.
        sets: name -> classes, pictures of compound expressions.
    """

    pool: Pool
    streams: list[Stream]
    basic: Pool
    sets: dict[str, tuple[CompoundClasses, CompoundFaces]]


def load(request: CompoundRequest, seed: int, report: Report) -> CompoundData:
    """Load one seed's basic faces, and the compound data sets, which are the same for every seed."""
    limits = request.limits
    report(0.0, "drawing the compound sets")
    sets = _sets(request.table, request.set_seed, limits.compound, limits.emotionet)
    report(0.5, "drawing faces with basic labels")
    pool, streams = basic_pool(request.table, seed, limits.pictures)
    return CompoundData(pool, streams, basic_held_out(request.table, seed, limits.held_out), sets)


def training(request: CompoundRequest, arm: Arm, seed: int, data: CompoundData) -> Training:
    """Return the recipe and the training data of an arm."""
    recipe = arm.recipe(request.recipe).model_copy(update={"table": request.table})
    return Training(recipe, data.pool, data.streams)


def measured(trained: Trained) -> Measured:
    """Return a trained network's metrics on compound and on basic expressions."""
    limits, data = trained.request.limits, trained.data
    sets = measure(trained.network, trained.side, data.sets, limits.draws, limits.rounds, trained.seed)
    predictions, every = trained.predict(data.basic.crops[0]), np.arange(len(data.basic))
    of_basic = figures(predictions, data.basic.annotations, _POSITIVES)
    basic = {name: value for name, figure in of_basic.items() if np.isfinite(value := float(figure(every)))}
    values = _flat(sets, basic)
    return Measured(values, chance=_chance_of(values), more={"basic": basic, "sets": sets})


def conclude(
    request: CompoundRequest, folder: Path, runs: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Write ``result.json``, its metrics as ``figures.csv`` and the runs' learning curves as ``curve.csv``.

    If the request has ``data``, also write ``ferplus.json``, see ``fbn.studies.compound_ferplus.proxy``. With only one
    arm, return the summary.
    """
    if request.data:
        write_json(folder / PAIRS, proxy(request.data, request.model, request.limits.draws))
    if len(request.chosen) < len(ARMS):
        return dict(summary)
    found = result(request, runs)
    write_json(folder / RESULT, found)
    write_csv(folder / "figures.csv", rows(found), digits=4)
    write_csv(folder / "curve.csv", curve_rows(runs), digits=4)
    return found


def result(request: CompoundRequest, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the comparison of both arms over all seeds.

    Returns:
        date; asked (the request); chance (data set -> 1 / classes); arms (metric -> ``Paired``, coupled - uncoupled
        over the seeds); gains (arm -> shots -> ``Paired``, few-shot - zero-shot mean diagonal over the seeds);
        ``claims``.
    """
    flat = {arm: [run["figures"] for run in runs if run["row"] == arm] for arm in ARMS}
    gains: dict[str, dict[str, Any]] = {}
    for arm in ARMS:
        curves = [run["sets"]["rafdb-compound"]["curve"] for run in runs if run["row"] == arm]
        few = [{_shots(point): point["value"] for point in points[1:]} for points in curves]
        none = [{_shots(point): points[0]["value"] for point in points[1:]} for points in curves]
        gains[arm] = paired_differences(none, few)
    chance = _chance()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "asked": request.model_dump(mode="json"),
        "chance": chance,
        "arms": paired_differences(flat["uncoupled"], flat["coupled"]),
        "gains": gains,
        "claims": claims(runs, gains, chance["rafdb-compound"]),
    }


def claims(runs: Sequence[Mapping[str, Any]], gains: Mapping[str, Any], chance: float) -> dict[str, dict[str, Any]]:
    """Check the plan's hypotheses for each arm.

    Returns:
        three_times_chance: the zero-shot mean diagonal on the RAF-DB compound data set, mean over the seeds, is at
        least 3 times chance. ten_shots_beat_zero_shot: the interval of their difference over the seeds lies above 0.
        never_below: at no number of shots does such an interval lie below 0. runs_below: number of points of single
        runs' curves whose interval over pictures and draws lies below 0; points: number of all points.
    """
    found = {}
    for arm in ARMS:
        points = [run["sets"]["rafdb-compound"]["curve"] for run in runs if run["row"] == arm]
        gain = gains[arm]
        ten = gain.get("10 shots")
        found[arm] = {
            "three_times_chance": float(np.mean([own[0]["value"] for own in points])) >= 3 * chance,
            "ten_shots_beat_zero_shot": bool(ten and (ten["difference"] if ten["low"] is None else ten["low"]) > 0),
            "never_below": all(each["high"] is None or each["high"] >= 0 for each in gain.values()),
            "runs_below": sum(point["difference_high"] < 0 for own in points for point in own[1:]),
            "points": sum(len(own) - 1 for own in points),
        }
    return found


def rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics of ``result`` as rows: figure, uncoupled, coupled, difference, sd, low, high, chance."""
    columns = {"uncoupled": "base", "coupled": "edited"} | dict.fromkeys(("difference", "sd", "low", "high"))
    return [
        {"figure": name}
        | {column: each[key or column] for column, key in columns.items()}
        | {"chance": found["chance"].get(name.partition("/")[0]) if "mean_diagonal" in name else None}
        for name, each in found["arms"].items()
    ]


def curve_rows(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return all learning curves as rows: arm, seed, shots, and the fields of ``fbn.fewshot.curve.CurvePoint``."""
    return [
        {"arm": run["row"], "seed": run["seed"], "shots": _shots(point)}
        | {name: value for name, value in point.items() if name not in ("shots", "draws")}
        for run in runs
        for point in run["sets"]["rafdb-compound"]["curve"]
    ]


def _shots(point: Mapping[str, Any]) -> str:
    return "all shots" if point["shots"] is None else f"{point['shots']} shots"


def _flat(sets: Mapping[str, Any], basic: Mapping[str, float]) -> dict[str, float]:
    """Return a run's metrics by name, those of compound expressions first."""
    found: dict[str, float] = {}
    for name, own in sets.items():
        zero = own["zero_shot"]
        found |= {f"{name}/zero-shot {figure}": each["value"] for figure, each in zero["figures"].items()}
        found |= {f"{name}/mean_diagonal by {term} alone": value for term, value in zero["terms"].items()}
        found |= {f"{name}/mean_diagonal {_shots(point)}": point["value"] for point in own.get("curve", ())[1:]}
    return found | {f"basic/{figure}": value for figure, value in basic.items()}


def _chance() -> dict[str, float]:
    """Return data set -> 1 / classes."""
    return {name: 1 / len(CompoundClasses.named(own).classes) for name, own in SETS.items()}


def _chance_of(keys: Iterable[str]) -> dict[str, float]:
    """Return key of a mean diagonal -> chance."""
    of_set = _chance()
    return {key: of_set[name] for key in keys if "mean_diagonal" in key and (name := key.partition("/")[0]) in of_set}


@lru_cache(maxsize=1)
def _sets(
    table: RelatednessTable, seed: int, compound: int, emotionet: int
) -> dict[str, tuple[CompoundClasses, CompoundFaces]]:
    counts = {"rafdb-compound": compound, "emotionet": emotionet}
    return {
        name: (
            CompoundClasses.of(CompoundClasses.named(own).classes, table, own),
            compound_set(name, table, seed, counts[name]),
        )
        for name, own in SETS.items()
    }


STUDY = Study(
    name="compound",
    title="Does coupling help to name compound expressions that were never shown?",
    request=CompoundRequest,
    load=load,
    training=training,
    measure=measured,
    conclude=conclude,
    shares_data=False,
    display=Display(
        title="Compound expressions",
        sets={"rafdb-compound": "RAF-DB's compounds", "emotionet": "EmotioNet's", "basic": "Basic expressions"},
        marks_unseen=False,
        groups={"coupling": "Coupling"},
        arms={"uncoupled": "No coupling", "coupled": "Coupled"},
        sides={"uncoupled": "no coupling"},
    ),
)
