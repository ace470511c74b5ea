"""Does coupling help to name compound expressions that were never shown? Paper A, 4.5.4 and Table VII, on drawn faces.

Networks are trained on basic labels alone, with the couplings and without, on the same faces, batches and first
weights, once for each seed. Each then names compound expressions without having seen any, and with a few pictures a
class. ``assets/studies/compound/PLAN.md`` fixes what is reported.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fbn.compound import CompoundClasses
from fbn.context import Context, write_json
from fbn.data.loading import Pool
from fbn.errors import FormatError
from fbn.models.network import FaceNetwork
from fbn.studies.compound_faces import SETS, Named, basic_held_out, basic_pool, compound_set
from fbn.studies.compound_measure import look, measure
from fbn.studies.paired import by_name
from fbn.studies.tables_request import Table
from fbn.training import recipe as recipes
from fbn.training.figures import figures
from fbn.training.provenance import revision
from fbn.training.recipe import Recipe
from fbn.training.trial import trial

ASKED, RESULT, RUNS = "asked.json", "result.json", "runs"
ARMS = ("uncoupled", "coupled")
#: The terms by which tasks teach each other; the uncoupled arm is the recipe without them.
COUPLINGS = ("co_annotation", "distribution_matching", "soft_co_annotation")
#: Shares of the work: the compound sets, then of each seed the drawing of its faces.
_SETS_SHARE, _DRAWING = 0.15, 0.3
_POSITIVES = 3


def _recipe(value: Any) -> Any:
    return recipes.read(value) if isinstance(value, str) else value


class Study(BaseModel):
    """What is asked.

    Attributes:
        seeds: each a world of basic faces, first weights, batches and draws of its own; both arms meet the same.
        first_seed: number of the first; development takes others than those that are reported.
        pictures: with a basic label, for each seed.
        held_out: basic faces of other people, with all labels.
        compound: pictures of the RAF-DB compound set, a fifth of them to test on; both sets are the same for every
            seed, as there is one RAF-DB.
        emotionet: pictures of the EmotioNet set, all to test on.
        set_seed: of the worlds that both are drawn from.
        steps: of each training.
        draws: of the few pictures to learn from, for each network.
        rounds: bootstrap draws of pictures.
        recipe: how the coupled arm is trained, apart from table, seed and steps.
        table: that all faces are drawn by, that the coupled arm is trained with and that scores are made with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    seeds: int = Field(default=5, ge=1, le=50)
    first_seed: int = Field(default=0, ge=0)
    pictures: int = Field(default=3000, ge=60, le=100_000)
    held_out: int = Field(default=400, ge=20, le=20_000)
    compound: int = Field(default=3954, ge=60, le=20_000)
    emotionet: int = Field(default=1600, ge=20, le=20_000)
    set_seed: int = Field(default=700_000, ge=0)
    steps: int = Field(default=800, ge=1, le=100_000)
    draws: int = Field(default=5, ge=1, le=100)
    rounds: int = Field(default=1000, ge=10, le=100_000)
    recipe: Annotated[Recipe, BeforeValidator(_recipe)] = Field(default="coupled", validate_default=True)
    table: Table = Field(default="du2014", validate_default=True)

    def arm(self, arm: str, table: Path, seed: int) -> Recipe:
        """How an arm's network of a seed is trained."""
        objective = self.recipe.objective
        if arm == "uncoupled":
            objective = {term: 0.0 if term in COUPLINGS else weight for term, weight in objective.items()}
        changes = {"table": str(table), "seed": seed, "epochs": 1, "steps_per_epoch": self.steps, "patience": 0}
        warmup = min(self.recipe.warmup, self.steps // 4)
        return self.recipe.model_copy(update=changes | {"warmup": warmup, "objective": objective})


def study(parameters: Study, context: Context) -> dict[str, Any]:
    """Train and measure both arms on every seed. Goes on after the runs that the folder holds.

    Returns:
        As ``result``, which is also in the folder's ``result.json``; each run's figures in ``runs``.

    Raises:
        FormatError: the folder holds another study.
        Cancelled: somebody asked.
    """
    _begin(parameters, context.folder)
    table = context.folder / "table.json"
    numbers = range(parameters.first_seed, parameters.first_seed + parameters.seeds)
    sets: dict[str, tuple[CompoundClasses, Named]] = {}
    for done, seed in enumerate(numbers):
        missing = [arm for arm in ARMS if not _file(context.folder, arm, seed).exists()]
        if not missing:
            continue
        if not sets:
            context.report(0.0, "drawing the compound sets")
            sets = _sets(parameters)
        part = (1 - _SETS_SHARE) / parameters.seeds
        at, words = _SETS_SHARE + done * part, f"seed {done + 1} of {parameters.seeds}"
        context.check()
        context.report(at, f"{words}: drawing faces with basic labels")
        basic = basic_pool(parameters.table, seed, parameters.pictures)
        held = basic_held_out(parameters.table, seed, parameters.held_out)
        begins = [at + part * (_DRAWING + (1 - _DRAWING) * number / len(ARMS)) for number in range(len(ARMS) + 1)]
        for arm in missing:
            context.check()
            number = ARMS.index(arm)
            watched = (context, f"{words}: training {arm}", (begins[number], begins[number + 1]))
            parameters.table.write(table)
            recipe = parameters.arm(arm, table, seed)
            network = trial(recipe, *basic, context.folder / f".training-{arm}", watched).eval()
            side = parameters.recipe.sides[-1] if parameters.recipe.sides else network.spec.size
            run = {"arm": arm, "seed": seed, "git_sha": revision(), "basic": _on_basic(network, held, side)}
            run["sets"] = measure(network, side, sets, parameters.draws, parameters.rounds, seed)
            write_json(_file(context.folder, arm, seed), run)
    runs = [json.loads(_file(context.folder, arm, seed).read_bytes()) for seed in numbers for arm in ARMS]
    found = result(parameters, runs)
    write_json(context.folder / RESULT, found)
    return found


def result(parameters: Study, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The runs together.

    Returns:
        date; asked; chance (set -> 1 / classes); arms (figure -> ``Paired``, coupled - uncoupled over the seeds);
        gains (arm -> shots -> ``Paired``, few-shot - zero-shot mean diagonal over the seeds); ``claims``; ``runs``.
    """
    flat = {arm: [_flat(run) for run in runs if run["arm"] == arm] for arm in ARMS}
    gains: dict[str, dict[str, Any]] = {}
    for arm in ARMS:
        curves = [run["sets"]["rafdb-compound"]["curve"] for run in runs if run["arm"] == arm]
        few = [{_shots(point): point["value"] for point in points[1:]} for points in curves]
        none = [{_shots(point): points[0]["value"] for point in points[1:]} for points in curves]
        gains[arm] = by_name(none, few)
    chance = {name: 1 / len(CompoundClasses.named(own).classes) for name, own in SETS.items()}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "asked": parameters.model_dump(mode="json"),
        "chance": chance,
        "arms": by_name(flat["uncoupled"], flat["coupled"]),
        "gains": gains,
        "claims": claims(runs, gains, chance["rafdb-compound"]),
        "runs": list(runs),
    }


def claims(runs: Sequence[Mapping[str, Any]], gains: Mapping[str, Any], chance: float) -> dict[str, dict[str, Any]]:
    """What the plan asks, of each arm.

    Returns:
        three_times_chance: the zero-shot mean diagonal of the RAF-DB compound set, mean over the seeds, is 3 times
        chance or more. ten_shots_beat_zero_shot: the interval of their difference over the seeds lies above 0.
        never_below: at no number of shots does such an interval lie below 0. runs_below: points of single runs' curves
        whose own interval, over pictures and draws, lies below 0; points: how many there are.
    """
    found = {}
    for arm in ARMS:
        points = [run["sets"]["rafdb-compound"]["curve"] for run in runs if run["arm"] == arm]
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
    """The figures of ``result`` as a table: figure, uncoupled, coupled, difference, sd, low, high, chance."""
    columns = {"uncoupled": "base", "coupled": "edited"} | dict.fromkeys(("difference", "sd", "low", "high"))
    return [
        {"figure": name}
        | {column: each[key or column] for column, key in columns.items()}
        | {"chance": found["chance"].get(name.partition("/")[0]) if "mean_diagonal" in name else None}
        for name, each in found["arms"].items()
    ]


def curve_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every run's learning curve as a table: arm, seed, shots, and the fields of ``fewshot_curve.Point``."""
    return [
        {"arm": run["arm"], "seed": run["seed"], "shots": _shots(point)}
        | {name: value for name, value in point.items() if name not in ("shots", "draws")}
        for run in found["runs"]
        for point in run["sets"]["rafdb-compound"]["curve"]
    ]


def _shots(point: Mapping[str, Any]) -> str:
    return "all shots" if point["shots"] is None else f"{point['shots']} shots"


def _flat(run: Mapping[str, Any]) -> dict[str, float]:
    """A run's figures by name, those of compound expressions first."""
    found: dict[str, float] = {}
    for name, own in run["sets"].items():
        zero = own["zero_shot"]
        found |= {f"{name}/zero-shot {figure}": each["value"] for figure, each in zero["figures"].items()}
        found |= {f"{name}/mean_diagonal by {term} alone": value for term, value in zero["terms"].items()}
        found |= {f"{name}/mean_diagonal {_shots(point)}": point["value"] for point in own.get("curve", ())[1:]}
    return found | {f"basic/{figure}": value for figure, value in run["basic"].items()}


def _sets(asked: Study) -> dict[str, tuple[CompoundClasses, Named]]:
    counts = {"rafdb-compound": asked.compound, "emotionet": asked.emotionet}
    return {
        name: (
            CompoundClasses.of(CompoundClasses.named(own).classes, asked.table, own),
            compound_set(name, asked.table, asked.set_seed, counts[name]),
        )
        for name, own in SETS.items()
    }


def _on_basic(network: FaceNetwork, held: Pool, side: int) -> dict[str, float]:
    every = np.arange(len(held))
    said = look(network, held.crops[0], side).predictions
    found = {name: float(figure(every)) for name, figure in figures(said, held.annotations, _POSITIVES).items()}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _file(folder: Path, arm: str, seed: int) -> Path:
    return folder / RUNS / f"{seed:02d}-{arm}.json"


def _begin(parameters: Study, folder: Path) -> None:
    """Note what is asked; more seeds may be asked of a folder than before, nothing else."""
    asked, path = parameters.model_dump(mode="json"), folder / ASKED
    if path.exists():
        before = json.loads(path.read_bytes())
        if differs := [key for key in asked if key != "seeds" and asked[key] != before.get(key)]:
            raise FormatError(f"{folder} holds another study (it differs in {', '.join(differs)})")
    write_json(path, asked)
