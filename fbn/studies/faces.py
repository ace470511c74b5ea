"""The study ``faces``: do identity and attributes help each other? Case study II of paper A (3.2, Table VIII).

Compares single-task, uncoupled and coupled networks on the same pictures and seeds: CelebA, or drawn people. The table
that couples the tasks, R(identity, attribute), is counted from the training pictures. Two wrong tables tell whether its
content matters or any regulariser would do: its rows shuffled among the people, and its mean row for everybody.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from fbn import metrics
from fbn.errors import FormatError
from fbn.losses.terms import term
from fbn.relatedness import RelatednessTable
from fbn.relatedness.counts import count
from fbn.relatedness.table import Provenance
from fbn.studies import faces_data
from fbn.studies.faces_data import FacesData, Overlap
from fbn.studies.faces_display import DISPLAY, SINGLE, UNCOUPLED
from fbn.studies.material import HeldOutSet
from fbn.studies.measure import draw_rows, mean_defined
from fbn.studies.study import Arm, Budget, Measured, Report, Request, Study, Trained, Training, by_name
from fbn.tasks import serialise
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe

_BOTH = ("identity", "attributes")
#: Weights of the losses beside that of the identity, chosen on CelebA's validation split. Paper A prints 1 for the sum
#: over the 40 attributes (eq. 16 and 17), with which the identity loses a quarter of its accuracy; none for matching.
_ATTRIBUTES, _MATCHING = 0.1, 0.03
#: Weight of matching to q as a target in the second half of a run, when the identity is learned and q says something.
_LATE: dict[str, Any] = {"form": "soft_target", "weight": 0.3}
#: Attributes with fewer active or inactive held-out pictures are left out of F1 and balanced accuracy.
MIN_COUNT = 10
#: Least number of pictures in a step, for single-task networks with few labels.
_MIN_PICTURES = 16


def _single(task: str) -> Arm:
    return Arm(f"single-{task}", "tasks", f"{task} alone", {"tasks": (task,)}, part_of=SINGLE)


def _matched(
    name: str, group: str, description: str, table: str = "counted", after: float = 0.0, **options: Any
) -> Arm:
    """Return an arm with matching after a fraction of the run."""
    # q as paper A, eq. 17 prints it: with the frequencies themselves
    terms = {"distribution_matching": {"weight": _MATCHING, "binary": False, **options}}
    changes = {"objective": terms, "table": table, "after": after}
    return Arm(name, group, description, changes, baseline=UNCOUPLED, reference=SINGLE)


def _weighted(name: str, description: str, **changes: Any) -> list[Arm]:
    """Return an uncoupled arm and one with matching, with other changes than ``none`` and ``match``."""
    matched = {**_matched("", "", "").changes, **changes}
    return [
        Arm(f"none-{name}", "weight", f"nothing couples its tasks, {description}", changes, reference=SINGLE),
        Arm(f"match-{name}", "weight", f"distribution matching, {description}", matched, baseline=f"none-{name}"),
    ]


def _architecture(network: str, title: str, width: float, **changes: Any) -> list[Arm]:
    """Return the arms of an architecture, uncoupled and with matching; narrower, to train on two cores."""
    changes = {"network": network, "narrow": {"width": width, "dropout": 0.0}} | changes
    matched = {**_matched("", "", "").changes, **changes}
    none = f"{network}-none"
    return [
        Arm(none, "architecture", f"{title}, nothing couples its tasks", changes, slow=True),
        Arm(f"{network}-match", "architecture", f"{title}, distribution matching", matched, baseline=none, slow=True),
    ]


ARMS = by_name(
    [
        *map(_single, _BOTH),
        Arm(UNCOUPLED, "tasks", "both tasks, nothing couples them", reference=SINGLE),
        _matched("match", "coupling", "distribution matching"),
        _matched("match-printed", "form", "distribution matching as printed: -p log q", form="printed"),
        _matched("match-cross-entropy", "form", "matching by cross entropy", form="cross_entropy"),
        _matched("match-soft-target", "form", "matching to q as a target", form="soft_target"),
        _matched("match-to-identity", "form", "matching, gradient to the identity alone", gradients="q"),
        _matched("match-late", "form", "strong matching to q as a target, in the second half", after=0.5, **_LATE),
        *_weighted("equal", "the losses of equal weight, as printed", attributes=1.0),
        _matched("match-shuffled", "table", "matching, the table's rows shuffled among the people", "shuffled"),
        _matched(
            "match-late-shuffled", "table", "the same in the second half, rows shuffled", "shuffled", after=0.5, **_LATE
        ),
        _matched("match-mean", "table", "matching, the table's mean row for everybody", "mean"),
        _matched("match-given", "table", "matching, table counted from trained labels only", "given"),
        *_architecture("vgg-face", "VGG-FACE", 1 / 8, learning_rate=0.001, sides=(96,)),
        *_architecture("resnet-50", "ResNet-50", 1 / 4),
        *_architecture("densenet-121", "DenseNet-121", 1 / 2, learning_rate=0.0015),
    ]
)


class FacesBudget(Budget):
    """Size of the study.

    Attributes:
        people: number of people; None: all of CelebA's.
        pictures: of each drawn person.
        per_step: pictures in each batch.
        changes: to the recipe.
        narrow: make large networks narrower, so that they train on two cores.
    """

    steps: int = Field(default=600, ge=1)
    slow_steps: int | None = Field(default=200, ge=1)
    people: int | None = Field(default=None, ge=2)
    pictures: int = Field(default=22, ge=faces_data.MIN_PICTURES)
    per_step: int = Field(default=48, ge=2)
    changes: dict[str, Any] = Field(default={})
    narrow: bool = True


#: Number of drawn people where the budget names none; as in the part of CelebA that studies here use.
DRAWN_PEOPLE = 205
BUDGETS: dict[str, FacesBudget] = {
    "smoke": FacesBudget(
        steps=3,
        slow_steps=2,
        seeds=2,
        slow_seeds=1,
        rounds=10,
        people=5,
        pictures=6,
        per_step=8,
        changes={"network_args": {"widths": (16, 16), "blocks": (1, 1)}, "sides": (32,), "warmup": 1},
    ),
    "lesson": FacesBudget(steps=150, slow_steps=60, seeds=3, slow_seeds=1, people=20, pictures=16, rounds=50),
    "small": FacesBudget(),
    # full resolution; needs a GPU
    "full": FacesBudget(
        steps=8000,
        slow_steps=8000,
        per_step=256,
        rounds=1000,
        narrow=False,
        all_cores=True,
        changes={"network_args": {}, "sides": (), "learning_rate": 0.002, "warmup": 300, "averaging": 0.999},
    ),
}


class FacesRequest(Request):
    """Request of the study.

    Attributes:
        people: instead of the budget's.
        labels: ``"both"``: every training picture has an identity; ``"one"``: a label of one task only.
        attributes: percentage of the training pictures that have attribute labels; None: all, or half with ``"one"``.
    """

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = BUDGETS

    people: int | None = Field(default=None, ge=2, description="Number of people.")
    labels: Overlap = Field(default="both", description="both: all pictures have an identity; one: one label each.")
    attributes: int | None = Field(default=None, ge=1, le=100, description="Percent of pictures with attributes.")

    @property
    def fraction(self) -> float:
        """Fraction of the training pictures that have attribute labels."""
        return (self.attributes or (50 if self.labels == "one" else 100)) / 100

    @property
    def recipe(self) -> Recipe:
        """The base recipe of all arms, before its losses are known."""
        return recipes.read("study").model_copy(update=self.limits.changes)


def load(request: FacesRequest, seed: int, report: Report) -> FacesData:
    """Load the data of one seed: drawn people, or CelebA, which is the same for every seed."""
    limits = request.limits
    if request.data is None:
        people = limits.people or DRAWN_PEOPLE
        return faces_data.draw(people, limits.pictures, seed, report, request.labels, request.fraction)
    report(0, "reading CelebA")
    return faces_data.read(request.data, limits.people, request.part, request.labels, request.fraction)


def training(request: FacesRequest, arm: Arm, seed: int, data: FacesData) -> Training:
    """Return the recipe and the training data of an arm."""
    changes, limits = arm.changes, request.limits
    tasks = [data.task(name) for name in changes.get("tasks", _BOTH)]
    options = {"attributes": {"reduction": "sum", "weight": changes.get("attributes", _ATTRIBUTES)}}
    losses = {task.name: term(task.name, {"task": task, **options.get(task.name, {})}) for task in tasks}
    recipe = arm.recipe(request.recipe.model_copy(update={"objective": losses}))
    arguments = recipe.network_args if recipe.network == "facebehaviornet" else {}
    arguments |= changes.get("narrow", {}) if limits.narrow else {}
    recipe = recipe.model_copy(update={"network_args": arguments | {"tasks": [serialise(task) for task in tasks]}})
    if "table" in changes:
        recipe = recipe.model_copy(update={"table": TABLES[changes["table"]](data, seed)})
    streams = data.streams(tasks, limits.per_step, _MIN_PICTURES)
    return Training(recipe, data.pool, streams, tuple(arm.terms), changes.get("after", 0.0))


def counted(data: FacesData, seed: int = 0) -> RelatednessTable:
    """R(identity, attribute): fraction of a person's training pictures that have the attribute (paper A, Table II)."""
    source = "the training pictures"
    return RelatednessTable.infer(data.complete, 1, source, rows=data.identity, columns=data.attributes)


def given(data: FacesData, seed: int = 0) -> RelatednessTable:
    """Like ``counted``, from labels that are trained on; one mean picture is added to each person's.

    Raises:
        FormatError: no training picture has labels of both tasks.
    """
    counts = count(data.pool.annotations, rows=data.identity, columns=data.attributes)
    if not counts.doubly_labelled:
        raise FormatError("match-given: no training picture has labels of both tasks; leave this arm out")
    mean = counts.units_active / counts.units.clamp_min(1)
    weights = (counts.active + mean) / (counts.images + 1)
    note = f"counted from {counts.doubly_labelled} pictures, and one mean picture for each person"
    return _of(weights.tolist(), data, note)


def shuffled(data: FacesData, seed: int = 0) -> RelatednessTable:
    """The table ``counted`` with its rows shuffled among the people."""
    rows = counted(data).matrix()
    return _of(rows[np.random.default_rng(seed).permutation(len(rows))].tolist(), data, "rows shuffled")


def mean(data: FacesData, seed: int = 0) -> RelatednessTable:
    """The mean row of ``counted`` for everybody: how common each attribute is, nothing of who has it."""
    rows = counted(data).matrix()
    return _of(rows.mean(0).expand_as(rows).tolist(), data, "mean row")


def _of(weights: list[list[float]], data: FacesData, note: str) -> RelatednessTable:
    columns = data.attributes.labels
    cells = {
        name: dict(zip(columns, row, strict=True)) for name, row in zip(data.identity.labels, weights, strict=True)
    }
    return RelatednessTable.of(
        cells, Provenance("the training pictures", note=note), rows=data.identity, columns=data.attributes
    )


#: Name -> function from the data and the seed of a run to a table.
TABLES: dict[str, Callable[[FacesData, int], RelatednessTable]] = {
    "counted": counted,
    "given": given,
    "shuffled": shuffled,
    "mean": mean,
}


def measured(trained: Trained) -> Measured:
    """Return a trained network's metrics on other pictures of the same people, and on strangers."""
    data, request = trained.data, trained.request
    result = Measured({}, more={"labelled": data.labelled, "trained_on": [faces_data.KNOWN]})
    table = counted(data).matrix().double().numpy()
    for held_out in data.held_out:
        predictions = trained.predict(held_out.pool.crops[0])
        tasks = [task for task in (data.identity, data.attributes) if task in predictions]
        outputs = {task.name: predictions.probability(task).double().numpy() for task in tasks}
        if not all(np.isfinite(values).all() for values in outputs.values()):
            # a diverged training: some of its metrics would look valid
            continue
        if "identity" in outputs:
            outputs["implied"] = outputs["identity"] @ table
        draws = list(draw_rows(held_out.groups, request.limits.rounds, trained.seed))
        scores = _scores(outputs, held_out, data)
        for name in held_out.figures:
            key, every = f"{held_out.name}/{name}", np.arange(len(held_out.pool))
            # undefined without a head, or where no attribute varies enough
            if name not in scores or not np.isfinite(value := scores[name](every)):
                continue
            result.figures[key] = value
            drawn = np.array([scores[name](rows) for rows in draws])
            result.draws[key] = np.where(np.isnan(drawn), value, drawn).round(5).tolist()
            result.chance[key] = _scores(_constant(data), held_out, data)[name](every)
        if "attributes" in outputs:
            result.details.update(_details(outputs["attributes"], held_out, data))
    return result


def _constant(data: FacesData) -> dict[str, np.ndarray]:
    """Return the best constant predictions by the training labels; of attributes, for accuracy."""
    complete = data.complete
    of_attributes = complete[data.attributes].value.mean(0, keepdim=True).double().numpy()
    of_identity = complete[data.identity].value.mean(0, keepdim=True).double().numpy()
    return {"identity": of_identity, "attributes": of_attributes, "implied": of_attributes}


def _scores(
    outputs: Mapping[str, np.ndarray], held_out: HeldOutSet, data: FacesData
) -> dict[str, Callable[[np.ndarray], float]]:
    """Return figure -> its value on some rows of a held-out set; [1, K] outputs are those of every picture."""
    labels, people = held_out.pool.annotations, len(data.identity)
    who, active = labels[data.identity].value.argmax(-1).numpy(), labels[data.attributes].value.numpy()
    count = len(who)
    full = {name: np.broadcast_to(values, (count, values.shape[-1])) for name, values in outputs.items()}
    # the same attributes in every bootstrap draw
    varied = np.minimum((active > 0.5).sum(0), (active <= 0.5).sum(0)) >= MIN_COUNT

    def identity_f1(rows: np.ndarray) -> float:
        # by counts: a confusion matrix of CelebA's 10,177 people would take a gigabyte
        true, guess = who[rows], first[rows]
        hits, *sums = (np.bincount(each, minlength=people) for each in (true[true == guess], true, guess))
        total = np.add(*sums)
        return mean_defined(2 * hits[total > 0] / total[total > 0])

    def of(output: str, metric: Callable[..., metrics.Array], columns: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda rows: mean_defined(metric(full[output][rows][:, columns], active[rows][:, columns]))

    every = np.ones_like(varied)
    found: dict[str, Callable[[np.ndarray], float]] = {}
    if "identity" in full:
        first = full["identity"].argmax(-1)
        found["identity_accuracy"] = lambda rows: float((first[rows] == who[rows]).mean())
        found["identity_f1"] = identity_f1
        found["implied_accuracy"] = of("implied", metrics.au_accuracy, every)
        found["implied_balanced"] = of("implied", metrics.balanced_accuracy, varied)
    if "attributes" in full:
        found["attribute_accuracy"] = of("attributes", metrics.au_accuracy, every)
        found["attribute_auc"] = of("attributes", metrics.au_auc, varied)
        found["attribute_f1"] = of("attributes", metrics.au_f1, varied)
        found["attribute_balanced"] = of("attributes", metrics.balanced_accuracy, varied)
    return found


def _details(predicted: np.ndarray, held_out: HeldOutSet, data: FacesData) -> dict[str, dict[str, float]]:
    """Return balanced accuracy and F1 of each attribute that varies enough."""
    active = held_out.pool.annotations[data.attributes].value.numpy()
    balanced = metrics.balanced_accuracy(predicted, active, min_count=MIN_COUNT)
    f1 = np.where(np.isnan(balanced), np.nan, metrics.au_f1(predicted, active))
    return {
        f"{held_out.name}/{figure}": {
            name: float(value) for name, value in zip(data.attributes.labels, values, strict=True) if np.isfinite(value)
        }
        for figure, values in (("attribute_balanced", balanced), ("attribute_f1", f1))
    }


STUDY = Study(
    name="faces",
    title="Do identity and attributes help each other? Case study II of paper A, on CelebA or drawn people.",
    request=FacesRequest,
    load=load,
    training=training,
    measure=measured,
    combined=(Arm(SINGLE, "tasks", "two networks, one for each task"),),
    display=DISPLAY,
)
