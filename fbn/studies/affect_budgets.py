"""Budgets of the study ``affect``."""

from typing import Any

from pydantic import Field

from fbn.studies.study import Budget


class AffectBudget(Budget):
    """Size of the data sets and of the training.

    Attributes:
        expression, clips: numbers of drawn training pictures with an expression, and training clips with valence and
            arousal.
        action_units: number of training pictures with AUs; None: ``scarce`` on drawn faces, all on real ones.
        scarce: drawn training pictures with AUs; by default 2 % of all labelled pictures and frames.
        of_each: maximum number of pictures of FER+ and of AffectNet each, in each split; None: all.
        held_out: pictures of each drawn held-out data set, of other people; for video, at least as many frames.
        per_step: pictures with an expression, with AUs, and with valence and arousal in each batch.
        changes: to the recipe ``study``.
        narrow: make large networks narrower, so that they train on two cores.
    """

    slow_steps: int | None = Field(default=120, ge=1)
    slow_seeds: int | None = Field(default=2, ge=1, le=50)
    expression: int = Field(default=1800, ge=20)
    clips: int = Field(default=40, ge=2)
    action_units: int | None = Field(default=None, ge=4)
    scarce: int = Field(default=80, ge=4)
    of_each: int | None = Field(default=None, ge=50)
    held_out: int = Field(default=300, ge=10)
    per_step: tuple[int, int, int] = (48, 24, 24)
    changes: dict[str, Any] = Field(default={})
    narrow: bool = True


BUDGETS: dict[str, AffectBudget] = {
    # to test that everything works
    "smoke": AffectBudget(
        steps=4,
        slow_steps=4,
        seeds=2,
        slow_seeds=1,
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
    # short enough for a lesson
    "lesson": AffectBudget(
        steps=100,
        slow_steps=80,
        seeds=3,
        slow_seeds=1,
        expression=240,
        clips=5,
        scarce=24,
        held_out=40,
        per_step=(24, 12, 12),
        rounds=50,
    ),
    "small": AffectBudget(),
    # the shipped network at full resolution; needs a GPU
    "full": AffectBudget(
        steps=6000,
        slow_steps=6000,
        slow_seeds=2,
        expression=20_000,
        clips=300,
        scarce=700,
        held_out=1500,
        per_step=(128, 64, 64),
        changes={"network_args": {}, "sides": (), "learning_rate": 0.002, "warmup": 300, "averaging": 0.999},
        rounds=1000,
        narrow=False,
        all_cores=True,
    ),
}
