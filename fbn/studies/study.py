"""What a study is: arms to compare, a request with a budget, and the functions that load, train and measure.

``fbn.studies.engine.run`` runs any of them. A new study is one file that makes a ``Study``, and one line in
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
from fbn.training.precision import Precision
from fbn.training.predict import predict
from fbn.training.recipe import Recipe

#: Takes the share done, in [0, 1], and what is being done; may raise to stop.
Report = Callable[[float, str], None]


@dataclass(frozen=True)
class Arm:
    """One way of training.

    Attributes:
        name: what ``--arms`` takes and files call it.
        group: for lists and tables.
        description: what it is, for people.
        changes: what it changes. ``"objective"`` (loss term -> weight or fields) adds to the recipe's; other fields of
            ``Recipe`` replace the recipe's. A study may know further keys.
        baseline: the arm that differs from it only in what is studied; differences are to it. None: it is a baseline.
        slow: it runs on fewer seeds, for fewer steps, see ``Budget``.
        reference: a second arm, or a name in ``part_of``, that it is compared with.
        part_of: arms with the same name here are reported as one, under that name.
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
        """Loss terms that it adds to the recipe's, and their weights; terms that it takes away are left out."""
        terms = self.changes.get("objective", {})
        weights = {name: term.get("weight", 1.0) if isinstance(term, Mapping) else term for name, term in terms.items()}
        return {name: weight for name, weight in weights.items() if weight}

    def recipe(self, base: Recipe) -> Recipe:
        """The base recipe with this arm's ``changes``, as far as they are fields of ``Recipe``."""
        own = {key: value for key, value in self.changes.items() if key in Recipe.model_fields}
        terms = own.pop("objective", {})
        return base.with_terms(terms).model_copy(update={"name": self.name, **own})


def by_name(arms: Sequence[Arm]) -> dict[str, Arm]:
    """Name -> arm, in order.

    Raises:
        ValueError: two arms of one name, or a baseline that is no arm.
    """
    found = {arm.name: arm for arm in arms}
    if twice := [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]:
        raise ValueError(f"several arms would be named {', '.join(twice)}: name the new one otherwise")
    if missing := {arm.baseline for arm in arms if arm.baseline} - set(found):
        raise ValueError(f"baselines that are no arms: {sorted(missing)}")
    return found


class Budget(BaseModel):
    """How much of everything; a study's own budgets add fields.

    Attributes:
        steps: of each training.
        slow_steps: of each training of a slow arm; None: as many.
        seeds: each with weights and batches of its own; all arms meet the same pictures.
        slow_seeds: of slow arms; None: as many.
        rounds: bootstrap draws of the held-out people.
        all_cores: a run takes its worker's share of the cores, as runs of slow arms always do. Small networks gain
            little by a second thread, and lose tenfold by one that has to wait for its turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=400, ge=1, le=100_000)
    slow_steps: int | None = Field(default=None, ge=1)
    seeds: int = Field(default=5, ge=1, le=50)
    slow_seeds: int | None = Field(default=None, ge=1, le=50)
    rounds: int = Field(default=200, ge=1)
    all_cores: bool = False

    def steps_of(self, arm: Arm) -> int:
        """Steps of each training of an arm."""
        return self.slow_steps or self.steps if arm.slow else self.steps

    def seeds_of(self, arm: Arm) -> int:
        """Seeds of an arm."""
        return self.slow_seeds or self.seeds if arm.slow else self.seeds


class Request(BaseModel):
    """What is asked of a study. Self-contained: later changes to files do not affect a queued job.

    A study's own request gives ``ARMS`` and ``BUDGETS`` and may add fields. A field named as one of the budget's
    replaces it. In JSON ``arms`` is called ``rows``.

    Attributes:
        data: folder of data sets; None: drawn faces.
        budget: name in ``BUDGETS``, or a budget.
        arms: which arms; none named: all.
        seeds: instead of the budget's, of slow arms too.
        first_seed: the first of the seeds, so that trials meet other pictures than what is reported.
        steps: instead of the budget's, of slow arms too.
        part: held-out part of data sets that is measured on; to try things out, use ``"valid"``.
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
        """The budget, of the study's own type, with what is asked instead."""
        budget: Budget = self.BUDGETS[self.budget] if isinstance(self.budget, str) else self.budget
        changes: dict[str, Any] = {"slow_steps": self.steps, "slow_seeds": self.seeds}
        changes |= {name: getattr(self, name, None) for name in type(budget).model_fields if name not in changes}
        return budget.model_copy(update={name: value for name, value in changes.items() if value is not None})

    @property
    def precision(self) -> Precision | Literal["auto"]:
        """Of its recipe."""
        recipe = getattr(self, "recipe", None)
        return recipe.precision if recipe else "auto"

    @property
    def chosen(self) -> tuple[Arm, ...]:
        """The arms to run."""
        return tuple(self.ARMS[name] for name in dict.fromkeys(self.arms or self.ARMS))

    @property
    def runs(self) -> tuple[tuple[int, str], ...]:
        """(seed, arm's name) of every training, seed by seed."""
        limits, chosen = self.limits, self.chosen
        return tuple(
            (self.first_seed + seed, arm.name)
            for seed in range(limits.seeds)
            for arm in chosen
            if seed < limits.seeds_of(arm)
        )


@dataclass(frozen=True)
class Training:
    """What one run trains on.

    Attributes:
        recipe: how, apart from seed, steps and precision, which the engine sets.
        pool: the pictures.
        streams: what each step's batch is made of.
        late: loss terms that count only after a share of the run.
        after: that share, in [0, 1].
    """

    recipe: Recipe
    pool: Pool
    streams: Sequence[Stream]
    late: tuple[str, ...] = ()
    after: float = 0.0


@dataclass(frozen=True)
class Trained:
    """A trained network and what it was trained with; what a study measures.

    Attributes:
        request: what was asked.
        arm: which arm.
        seed: of the run.
        data: what the study's ``load`` gave.
        training: what it was trained on.
        network: with its averaged weights after the last step, in evaluation mode.
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
        """Its predictions of crops, at the resolution of training."""
        return predict(self.network, crops, self.side)


@dataclass(frozen=True)
class Measured:
    """What was measured of one run; keys are ``set/figure``, with ``/filtered`` where it was median-filtered.

    Attributes:
        figures: key -> value.
        draws: key -> values on bootstrap draws of whole people, the same draws for every arm; may lack keys.
        details: key -> name of an AU (its F1) or an expression (its recall) -> value.
        chance: key -> what a prediction that knows nothing reaches; may lack keys.
        more: further values to keep in the run's file.
    """

    figures: dict[str, float]
    draws: dict[str, list[float]] = field(default_factory=dict)
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    chance: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A study. Its functions are functions of modules, so that it can be sent to other processes.

    Attributes:
        name: of the command ``fbn study NAME``.
        title: what it asks, in a line.
        request: its request, with its arms and budgets.
        load: request, seed, report -> the data of one seed, the same for all arms.
        training: request, arm, seed, data -> what is trained on.
        measure: the trained network -> its figures.
        conclude: request, folder, runs, summary -> result; may write further files. None: the summary is the result.
        combined: what stands for the arms of one ``part_of`` in tables.
        shares_data: with data sets, every seed is trained and measured on the same pictures, which are loaded once.
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

    def parse(self, values: Mapping[str, Any]) -> Request:
        """A request from its fields.

        Raises:
            FormatError: a field is unknown, missing or impossible; the message names it.
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
    def budgets(self) -> Mapping[str, Budget]:
        """Name -> budget."""
        return self.request.BUDGETS
