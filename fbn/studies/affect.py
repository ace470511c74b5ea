"""The study ``affect``: do the coupling losses improve a network? The papers' case study I.

Compares single-task, uncoupled and coupled networks on the same pictures and seeds, either drawn faces
(``fbn.studies.drawn``) or open data sets (``fbn.studies.real``). The arms are in ``fbn.studies.affect_arms``.
"""

import json
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from fbn.studies import drawn, real
from fbn.studies.affect_arms import ARMS, SINGLE
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.affect_display import DISPLAY
from fbn.studies.material import TABLES, StudyData
from fbn.studies.measure import measure
from fbn.studies.study import Arm, Budget, Measured, Report, Request, Study, Trained, Training
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe

_TERMS = {
    EXPRESSION: ("expression",),
    ACTION_UNITS: ("action_units",),
    VALENCE_AROUSAL: ("valence_arousal", "valence_arousal_mse"),
}


class AffectRequest(Request):
    """Request of the study.

    Attributes:
        action_units: number of training pictures with AU labels, instead of the budget's.
    """

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = BUDGETS

    action_units: int | None = Field(default=None, ge=4, description="Training pictures with AU labels.")

    @property
    def recipe(self) -> Recipe:
        """The base recipe of all arms."""
        return recipes.read("study").model_copy(update=self.limits.changes)

    def recipe_of(self, arm: Arm) -> Recipe:
        """Return an arm's recipe, except for its table, with the base recipe's losses of the arm's tasks only."""
        base, changes = self.recipe, arm.changes
        terms = {term for task in changes.get("tasks", AFFECT_TASKS) for term in _TERMS[task]}
        base = base.model_copy(update={"objective": {t: w for t, w in base.objective.items() if t in terms}})
        narrow = changes.get("narrow", {}) if self.limits.narrow else {}
        return arm.recipe(base).model_copy(update={**narrow, "table": base.table})


def load(request: AffectRequest, seed: int, report: Report) -> StudyData:
    """Load the data of one seed: drawn faces, or the open data sets, which are the same for every seed."""
    if request.data is None:
        return drawn.draw(request.limits, seed, report)
    report(0, "reading the data")
    return real.read(request.data, request.recipe, request.limits, request.part)


def training(request: AffectRequest, arm: Arm, seed: int, data: StudyData) -> Training:
    """Return the recipe and the training data of an arm."""
    recipe, changes = request.recipe_of(arm), arm.changes
    if arm.terms:
        recipe = recipe.model_copy(update={"table": TABLES[changes["table"]](data)})
    fraction = changes.get("share", 1.0) if request.limits.narrow else 1.0
    streams = data.of_tasks(changes.get("tasks", AFFECT_TASKS), fraction)
    return Training(recipe, data.pool, streams, tuple(arm.terms), changes.get("after", 0.0))


def measured(trained: Trained) -> Measured:
    """Return a trained network's metrics on every held-out data set."""
    held_out, table = trained.data.held_out, trained.training.recipe.table
    predictions = {data_set.name: trained.predict(data_set.pool.crops[0]) for data_set in held_out}
    more = {
        "labelled": trained.data.labelled,
        "trained_on": [data_set.name for data_set in held_out if data_set.trained_on],
        "table": None if isinstance(table, str) else json.loads(table.to_json()),
    }
    return measure(predictions, held_out, trained.request.limits.rounds, trained.seed, more)


STUDY = Study(
    name="affect",
    title="Do the couplings pay? Single-task, uncoupled and coupled networks on the same pictures and seeds.",
    request=AffectRequest,
    load=load,
    training=training,
    measure=measured,
    combined=(Arm(SINGLE, "tasks", "three networks, one for each task"),),
    display=DISPLAY,
)
