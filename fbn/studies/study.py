"""Types of a study: arms to compare, a request with a budget, and functions to load data, train and measure.

``fbn.studies.engine.run`` runs any study. A new study is one file that defines a ``Study`` and one line in
``fbn.studies.registry``; a new arm is one line in its study's file.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from fbn.data.crops import Crops
from fbn.data.loading import Pool, Stream
from fbn.errors import FormatError, readable_errors
from fbn.models.network import FaceNetwork
from fbn.records import Predictions
from fbn.studies.display import Display
from fbn.training.precision import Precision
from fbn.training.predict import predict
from fbn.training.recipe import Recipe

#: Called with the progress in [0, 1] and a message; may raise to stop.
Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Arm:
    """One experimental condition: a variant of training.

    Attributes:
        name: for ``--arms`` and in files.
        group: heading in lists and tables.
        description: human-readable.
        changes: to the recipe. ``"objective"`` (loss term -> weight or fields) is merged with the recipe's; other
            fields of ``Recipe`` are replaced. A study may define further keys.
        baseline: the arm that differences are computed against. None: it is a baseline itself.
        slow: run on fewer seeds and for fewer steps, see ``Budget``.
        reference: a second arm, or a name in ``part_of``, to compare with.
        part_of: arms with the same ``part_of`` are reported as one, under that name.
    """

    name: str
    group: str
    description: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    baseline: str | None = None
    slow: bool = False
    reference: str | None = None
    part_of: str | None = None

    @property
    def terms(self) -> dict[str, float]:
        """Loss terms that the arm adds -> weight, without those of weight 0."""
        terms = self.changes.get("objective", {})
        weights = {name: term.get("weight", 1.0) if isinstance(term, Mapping) else term for name, term in terms.items()}
        return {name: weight for name, weight in weights.items() if weight}

    def recipe(self, base: Recipe) -> Recipe:
        """Return the base recipe with those of this arm's ``changes`` that are fields of ``Recipe``."""
        fields = {key: value for key, value in self.changes.items() if key in Recipe.model_fields}
        terms = fields.pop("objective", {})
        return base.with_terms(terms).model_copy(update={"name": self.name, **fields})


def by_name(arms: Sequence[Arm]) -> dict[str, Arm]:
    """Index arms by name, in order.

    Raises:
        ValueError: two arms have the same name, or a baseline does not exist.
    """
    named = {arm.name: arm for arm in arms}
    if twice := [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]:
        raise ValueError(f"several arms would be named {', '.join(twice)}: name the new one otherwise")
    if missing := {arm.baseline for arm in arms if arm.baseline} - set(named):
        raise ValueError(f"baselines that are no arms: {sorted(missing)}")
    return named


class Budget(BaseModel):
    """Size of a study; the budgets of each study add fields.

    Attributes:
        steps: training steps of each run.
        slow_steps: number of steps of slow arms; None: ``steps``.
        seeds: number of seeds; a seed changes weights and batches, and all arms use the same pictures.
        slow_seeds: number of seeds of slow arms; None: ``seeds``.
        rounds: bootstrap draws of the held-out people.
        all_cores: use several threads per run, as slow arms always do. Small networks gain little from a second
            thread, and become ten times slower if it has to wait for a core.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=400, ge=1, le=100_000)
    slow_steps: int | None = Field(default=None, ge=1)
    seeds: int = Field(default=5, ge=1, le=50)
    slow_seeds: int | None = Field(default=None, ge=1, le=50)
    rounds: int = Field(default=200, ge=1)
    all_cores: bool = False

    def steps_of(self, arm: Arm) -> int:
        """Return the training steps of each run of an arm."""
        return self.slow_steps or self.steps if arm.slow else self.steps

    def seeds_of(self, arm: Arm) -> int:
        """Return the number of seeds of an arm."""
        return self.slow_seeds or self.seeds if arm.slow else self.seeds


class Request(BaseModel):
    """Request of a study. Self-contained: later changes to files do not affect a queued job.

    Each study's request defines ``ARMS`` and ``BUDGETS`` and may add fields. A field with the name of one of the
    budget's replaces it. In JSON ``arms`` is called ``rows``.

    Attributes:
        data: folder of data sets; None: drawn faces.
        budget: name in ``BUDGETS``, or a budget.
        arms: names of arms; empty: all.
        seeds: instead of the budget's, also for slow arms.
        first_seed: the first seed, so that preliminary runs can use other pictures than the reported ones.
        steps: instead of the budget's, also for slow arms.
        part: the split of data sets to measure on; use ``"valid"`` for preliminary runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    ARMS: ClassVar[Mapping[str, Arm]]
    BUDGETS: ClassVar[Mapping[str, Budget]]

    data: Path | None = None
    budget: SerializeAsAny[Budget] | str = "small"
    arms: tuple[str, ...] = ()
    seeds: int | None = Field(default=None, ge=1, le=50)
    first_seed: int = Field(default=0, ge=0)
    steps: int | None = Field(default=None, ge=1, le=100_000)
    part: Literal["test", "valid"] = "test"

    @model_validator(mode="before")
    @classmethod
    def _rows_are_arms(cls, values: Any) -> Any:
        if isinstance(values, dict) and "rows" in values:
            return {("arms" if key == "rows" else key): value for key, value in values.items()}
        return values

    @field_validator("budget", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in cls.BUDGETS:
                raise ValueError(f"{value!r}: expected one of {', '.join(cls.BUDGETS)}")
            return value
        kind = type(next(iter(cls.BUDGETS.values())))
        return kind.model_validate(value)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if unknown := [name for name in self.arms if name not in self.ARMS]:
            raise ValueError(f"arms {unknown}: expected some of {', '.join(self.ARMS)}")
        return self

    @model_serializer(mode="wrap")
    def _arms_are_rows(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {("rows" if key == "arms" else key): value for key, value in handler(self).items()}

    @property
    def limits(self) -> Any:
        """The budget with the request's changes; its type is the study's."""
        budget: Budget = self.BUDGETS[self.budget] if isinstance(self.budget, str) else self.budget
        changes: dict[str, Any] = {"slow_steps": self.steps, "slow_seeds": self.seeds}
        changes |= {name: getattr(self, name, None) for name in type(budget).model_fields if name not in changes}
        return budget.model_copy(update={name: value for name, value in changes.items() if value is not None})

    @property
    def precision(self) -> Precision | Literal["auto"]:
        """Numeric precision of the request's recipe."""
        recipe = getattr(self, "recipe", None)
        return recipe.precision if recipe else "auto"

    @property
    def chosen(self) -> tuple[Arm, ...]:
        """The arms to run."""
        return tuple(self.ARMS[name] for name in dict.fromkeys(self.arms or self.ARMS))

    @property
    def runs(self) -> tuple[tuple[int, str], ...]:
        """(seed, arm's name) of every run, sorted by seed."""
        limits, chosen = self.limits, self.chosen
        return tuple(
            (self.first_seed + seed, arm.name)
            for seed in range(limits.seeds)
            for arm in chosen
            if seed < limits.seeds_of(arm)
        )


@dataclass(frozen=True)
class Training:
    """Recipe and training data of one run.

    Attributes:
        recipe: the training recipe; seed, steps and precision are set by the engine.
        pool: training pictures.
        streams: composition of each batch.
        late: loss terms that are switched on later.
        after: fraction of the run after which they are, in [0, 1].
    """

    recipe: Recipe
    pool: Pool
    streams: Sequence[Stream]
    late: tuple[str, ...] = ()
    after: float = 0.0


@dataclass(frozen=True)
class Trained:
    """A trained network to be measured, and the run it came from.

    Attributes:
        request: the study's request.
        arm: arm of the run.
        seed: seed of the run.
        data: returned by the study's ``load``.
        training: recipe and training data.
        network: with averaged weights after the last step, in evaluation mode.
    """

    request: Any
    arm: Arm
    seed: int
    data: Any
    training: Training
    network: FaceNetwork

    @cached_property
    def side(self) -> int:
        """Resolution of its last training pictures, in pixels."""
        sides = self.training.recipe.sides
        return sides[-1] if sides else self.network.spec.size

    def predict(self, crops: Crops) -> Predictions:
        """Return predictions of crops, at the resolution of training."""
        return predict(self.network, crops, self.side)


@dataclass(frozen=True)
class Measured:
    """Metrics of one run; keys are ``set/figure``, or ``set/figure/filtered`` if median-filtered.

    Attributes:
        figures: key -> value.
        draws: key -> values on bootstrap draws of people, the same draws for every arm; may lack keys.
        details: key -> name of an AU (its F1) or an expression (its recall) -> value.
        chance: key -> value of a constant prediction; may lack keys.
        more: further values to store in the run's file.
    """

    figures: dict[str, float]
    draws: dict[str, list[float]] = field(default_factory=dict)
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    chance: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A study. Its functions are at module level, so that a study can be pickled.

    Attributes:
        name: name of the command ``fbn study NAME``.
        title: its question, in one line.
        request: type of its request, with arms and budgets.
        load: request, seed, report -> the data of one seed, the same for all arms.
        training: request, arm, seed, data -> recipe and training data.
        measure: trained network -> metrics.
        conclude: request, folder, runs, summary -> result; may write further files. None: the summary is the result.
        combined: arms that represent the arms of one ``part_of`` in tables.
        shares_data: whether, with data sets, all seeds use the same pictures, which are then loaded once.
        display: names in words, and what is shown first.
    """

    name: str
    title: str
    request: type[Request]
    load: Callable[[Any, int, Report], Any]
    training: Callable[[Any, Arm, int, Any], Training]
    measure: Callable[[Trained], Measured]
    conclude: Callable[[Any, Path, Sequence[Mapping[str, Any]], dict[str, Any]], dict[str, Any]] | None = None
    combined: tuple[Arm, ...] = ()
    shares_data: bool = True
    display: Display = field(default_factory=Display)

    def parse(self, values: Mapping[str, Any]) -> Request:
        """Make a request from its fields.

        Raises:
            FormatError: a field is unknown, missing or invalid; the message names it.
        """
        try:
            return self.request.model_validate(values)
        except ValidationError as error:
            raise FormatError(f"{self.name}: {readable_errors(error, self.name)}") from None

    def shares(self, request: Request) -> bool:
        """Whether the seeds of a request share their data."""
        return self.shares_data and request.data is not None

    @property
    def arms(self) -> Mapping[str, Arm]:
        """Name -> arm."""
        return self.request.ARMS

    @property
    def reported(self) -> Mapping[str, Arm]:
        """Name -> arm, also of those that represent several."""
        return {**self.arms, **{arm.name: arm for arm in self.combined}}

    @property
    def budgets(self) -> Mapping[str, Budget]:
        """Name -> budget."""
        return self.request.BUDGETS
