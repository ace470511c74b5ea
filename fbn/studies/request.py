"""What a run of the study asks for, whole: nothing of it changes while a job waits its turn."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fbn.studies.rows import ROWS
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amounts(_Asked):
    """How much of everything.

    Attributes:
        steps: of each training.
        few_steps: of each training of a row that is slow.
        seeds: each with weights and batches of its own, and on drawn faces a world of its own; all rows meet the same.
        few: seeds of the rows that are slow.
        expression, clips: drawn pictures with an expression, drawn clips with valence and arousal, to train on.
        action_units: pictures with AUs to train on; None: on drawn faces ``scarce``, on real ones all that there are.
        scarce: drawn pictures with AUs, 2 in 100 of those with an expression or a frame with valence and arousal.
        of_each: at most so many pictures of FER+ and of AffectNet each, to train on and to measure on; None: all.
        held_out: pictures of each drawn set to measure on, of other people; of video as many frames or a few more.
        per_step: pictures with an expression, with AUs, with valence and arousal in every step.
        changes: what the budget changes of the recipe ``study``.
        rounds: bootstrap draws of the held-out people.
    """

    steps: int = Field(default=400, ge=1)
    few_steps: int = Field(default=120, ge=1)
    seeds: int = Field(default=5, ge=1, le=50)
    few: int = Field(default=2, ge=1, le=50)
    expression: int = Field(default=1800, ge=20)
    clips: int = Field(default=40, ge=2)
    action_units: int | None = Field(default=None, ge=4)
    scarce: int = Field(default=80, ge=4)
    of_each: int | None = Field(default=None, ge=50)
    held_out: int = Field(default=300, ge=10)
    per_step: tuple[int, int, int] = (48, 24, 24)
    changes: dict[str, Any] = {}
    rounds: int = Field(default=200, ge=1)

    def steps_of(self, row: str) -> int:
        """Of each training of a row."""
        return self.few_steps if ROWS[row].few else self.steps


BUDGETS: dict[str, Amounts] = {
    "smoke": Amounts(
        steps=4,
        few_steps=4,
        seeds=2,
        few=1,
        expression=24,
        clips=2,
        scarce=12,
        of_each=300,
        held_out=12,
        per_step=(4, 4, 4),
        # with 8 channels in bfloat16, training on a CPU wrote past its memory
        changes={"network_args": {"widths": (16, 16), "blocks": (1, 1)}, "sides": (32,), "warmup": 1},
        rounds=10,
    ),
    # what a class can wait for
    "lesson": Amounts(
        steps=100,
        few_steps=80,
        seeds=3,
        few=1,
        expression=240,
        clips=5,
        scarce=24,
        held_out=40,
        per_step=(24, 12, 12),
        rounds=50,
    ),
    "small": Amounts(),
    # the shipped network at its own resolution; a GPU's work
    "full": Amounts(
        steps=6000,
        few_steps=6000,
        expression=20_000,
        clips=300,
        scarce=700,
        held_out=1500,
        per_step=(128, 64, 64),
        changes={"network_args": {}, "sides": (), "learning_rate": 0.002, "warmup": 300, "averaging": 0.999},
        rounds=1000,
    ),
}


class Study(_Asked):
    """The whole of what is asked.

    Attributes:
        data: folder of data sets; None: the synthetic world.
        budget: name in ``BUDGETS``.
        rows: which rows; none named: all.
        seeds: instead of the budget's.
        action_units: instead of the budget's; how scarce AU labels are.
        steps: instead of the budget's, of slow rows too.
        part: held-out part of real sets; whoever tries things out looks at ``"valid"``.
        first_seed: the first of the seeds, so that trials meet other worlds than what is reported.
    """

    data: Path | None = None
    budget: Literal["smoke", "lesson", "small", "full"] = "small"
    rows: tuple[str, ...] = ()
    seeds: int | None = Field(default=None, ge=1, le=50)
    action_units: int | None = Field(default=None, ge=4)
    steps: int | None = Field(default=None, ge=1)
    part: Literal["test", "valid"] = "test"
    first_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := [name for name in self.rows if name not in ROWS]:
            raise ValueError(f"rows {unknown}: expected some of {', '.join(ROWS)}")
        return self

    @property
    def amounts(self) -> Amounts:
        """The budget's, with what is asked instead."""
        changes = {
            "steps": self.steps,
            "few_steps": self.steps,
            "seeds": self.seeds,
            "few": self.seeds,
            "action_units": self.action_units,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        return BUDGETS[self.budget].model_copy(update=given)

    @property
    def recipe(self) -> Recipe:
        """What every row starts from."""
        return recipes.read("study").model_copy(update=BUDGETS[self.budget].changes)

    @property
    def runs(self) -> tuple[tuple[int, str], ...]:
        """(seed, row) of every training, seed by seed."""
        amounts = self.amounts
        chosen = [ROWS[name] for name in dict.fromkeys(self.rows or ROWS)]
        return tuple(
            (self.first_seed + seed, row.name)
            for seed in range(amounts.seeds)
            for row in chosen
            if seed < (amounts.few if row.few else amounts.seeds)
        )
