"""Recipes: everything that decides a training run, typed, in small files that list only what differs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PlainSerializer,
    PositiveInt,
    SerializeAsAny,
    ValidationError,
)
from pydantic import model_validator as check

from fbn import sheets
from fbn.data.augment import Augmentation
from fbn.data.sources import SOURCES
from fbn.errors import FormatError, MissingFileError
from fbn.losses import Objective, Term
from fbn.losses.terms import TaskTerm, merged, term
from fbn.models import store
from fbn.models.zoo import ZOO
from fbn.relatedness import RelatednessTable, resolve
from fbn.tasks import TASKS
from fbn.training.precision import Precision

FOLDER = Path(__file__).parent / "recipes"


def _table(value: Any) -> Any:
    try:
        return RelatednessTable.from_json(json.dumps(value)) if isinstance(value, dict) else value
    except FormatError as error:
        raise ValueError(str(error)) from None


#: A relatedness table, or the name or file of one; in JSON and YAML a table is written out whole.
TableOrName = Annotated[
    RelatednessTable | str,
    BeforeValidator(_table),
    PlainSerializer(lambda table: table if isinstance(table, str) else json.loads(table.to_json())),
]


def _terms(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    try:
        return {str(name): term(str(name), given) for name, given in value.items()}
    except FormatError as error:
        raise ValueError(str(error)) from None


#: Loss terms by name; in files each is its weight, or its fields.
Terms = Annotated[dict[str, SerializeAsAny[Term]], BeforeValidator(_terms)]

#: Option of ``forms``, in recipes before 0.8 -> terms, and the option's name there.
_FORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "class_weights": (("expression", "co_annotation"), "class_weights"),
    "positive_weights": (("action_units", "co_annotation"), "positive_weights"),
    "matching_form": (("distribution_matching",), "form"),
    "matching_mixture": (("distribution_matching",), "mixture"),
    "matching_binary": (("distribution_matching",), "binary"),
    "matching_gradients": (("distribution_matching",), "gradients"),
    "min_weight": (("distribution_matching",), "min_weight"),
    "soft_form": (("soft_co_annotation",), "form"),
    "soft_temperature": (("soft_co_annotation",), "temperature"),
    "observational": (("soft_co_annotation", "co_annotation"), "observational"),
    "temperature": (("distillation",), "temperature"),
    "label_share": (("distillation",), "label_share"),
    "distillation_factors": (("distillation",), "factors"),
}


class Recipe(BaseModel):
    """What to train, on what, how. The defaults are the base recipe.

    Attributes:
        name: of the run, unless the command line gives one.
        network: name in the zoo; ``network_args`` go to its constructor.
        init: a model folder or name whose weights to start from.
        per_step: data set -> pictures of it in every step (0 leaves a set out).
        mode: ``"fixed"`` takes ``per_step`` as it stands (below 64 pictures with valence and arousal, CCC is a noisy
            loss); ``"paper"`` shares ``paper_batch`` pictures between VA-Set, AU-Set and EXPR-Set so that one epoch
            sees every set whole.
        balance: data set -> power by which rare expressions are drawn more often (see ``loading.Stream``).
        clean: paper A's cleaning of AffectNet's training part.
        apart: leave out training pictures that show a photograph of a validation or test part of any set that
            ``fbn evaluate`` reads, whatever their files are (``fbn.data.alike``).
        smoothing: data set -> share of its expression labels that is spread evenly over all seven, for sets whose
            labels are noisy.
        label_weights: data set -> name of a task -> factor on the weight of its labels.
        silver: table that ``fbn.data.silver`` writes, for AUs without a label.
        silver_weight: weight of those labels.
        teacher: models (names or folders) whose mean prediction feeds the ``distillation`` term.
        objective: name of a loss term or of a task -> ``fbn.losses.Term``: a weight, or the term's fields, e.g.
            ``distribution_matching: {weight: 0.3, form: printed}``.
        table: relatedness table of the coupling terms: a table, a built-in or saved name, or a file.
        augmentation: how pictures are varied; ``augmentations`` says it for single data sets instead (a small set,
            seen hundreds of times, wants more of it than a large one).
        sides: resolution of the pictures over the run, in equal shares of its epochs, e.g. ``(80, 112)``: the network
            is fully convolutional, and half the pixels cost half the time. Empty: the network's own throughout.
        epochs: of ``steps_per_epoch`` steps; in paper mode, of as many as the sets need.
        learning_rate: its peak, reached after ``warmup`` steps; a cosine takes it to 0 at the end.
        weight_decay: on convolution and linear weights.
        clip: largest gradient norm.
        averaging: decay of the exponential average of the weights, which is what is validated and exported.
        patience: epochs without a better validation score after which training stops; 0 never. Not with
            ``sides``: validation reads the full resolution, and falls behind while training sees less.
        precision: as Lightning's trainer takes it; ``"auto"``: bfloat16 where the machine computes in it, whole
            precision elsewhere (``fbn.training.precision``). A run keeps what it was begun with.
        compile: let ``torch.compile`` fuse the training step: a fifth to a third faster on two cores, after a minute
            at the start and at each of ``sides``. Needs a C++ compiler.
        seed: of weights, batches and augmentation; the splits do not depend on it.

    Example:
        >>> import fbn
        >>> recipe = fbn.Recipe(name="faces", per_step={"ckplus": 32}, epochs=5)
        >>> recipe.sets, recipe.epochs, recipe.table
        (('ckplus',), 5, 'du2014')
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = Field(default="run", pattern=r"^[\w.-]+$")
    network: Literal[tuple(ZOO)] = "facebehaviornet"  # type: ignore[valid-type]
    network_args: dict[str, Any] = {}
    init: str | None = None

    per_step: dict[Literal[tuple(SOURCES)], NonNegativeInt] = {"ferplus": 96, "affectnet": 64, "ckplus": 24}  # type: ignore[valid-type]
    mode: Literal["fixed", "paper"] = "fixed"
    paper_batch: PositiveInt = 376
    balance: dict[Literal[tuple(SOURCES)], float] = {}  # type: ignore[valid-type]
    clean: bool = False
    apart: bool = False
    smoothing: dict[Literal[tuple(SOURCES)], Annotated[float, Field(ge=0, lt=1)]] = {}  # type: ignore[valid-type]
    label_weights: dict[Literal[tuple(SOURCES)], dict[str, float]] = {}  # type: ignore[valid-type]
    silver: str | None = None
    silver_weight: float = Field(default=0.3, ge=0)
    teacher: tuple[str, ...] = ()

    objective: Terms = Field(
        default={
            "expression": 1.0,
            "valence_arousal": 1.0,
            "valence_arousal_mse": 1.0,
            "action_units": 2.0,
            "distribution_matching": 0.3,
            "soft_co_annotation": {"weight": 0.05, "form": "soft_target", "temperature": 0.3},
        },
        validate_default=True,
    )
    table: TableOrName = "du2014"
    augmentation: Augmentation = Augmentation()
    augmentations: dict[Literal[tuple(SOURCES)], Augmentation] = {}  # type: ignore[valid-type]

    sides: tuple[Annotated[int, Field(ge=32, le=224)], ...] = ()
    epochs: PositiveInt = 30
    steps_per_epoch: PositiveInt = 300
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup: NonNegativeInt = 300
    weight_decay: float = Field(default=0.05, ge=0)
    clip: float = Field(default=5.0, gt=0)
    averaging: float = Field(default=0.999, ge=0, lt=1)
    patience: NonNegativeInt = 0
    precision: Literal["auto", Precision] = "auto"
    compile: bool = False
    seed: NonNegativeInt = 0

    @check(mode="before")
    @classmethod
    def _forms_are_options(cls, values: Any) -> Any:
        """Options of terms lay in a field ``forms`` before 0.8; terms that the objective does not name have none."""
        if not isinstance(values, dict) or "forms" not in values:
            return values
        values, forms = dict(values), values["forms"]
        objective = dict(values.get("objective") or {})
        for option, value in (forms or {}).items():
            if option not in _FORMS:
                raise ValueError(f"forms.{option}: expected one of {sorted(_FORMS)}")
            names, field = _FORMS[option]
            for name in set(names) & set(objective):
                objective[name] = _fields(objective[name]) | {field: value}
        del values["forms"]
        return values | {"objective": objective}

    @check(mode="after")
    def _consistent(self) -> Self:
        if not self.sets:
            raise ValueError("per_step: expected at least one data set with pictures")
        tasks = {*TASKS, *(term.task.name for term in self.objective.values() if isinstance(term, TaskTerm))}
        for source, factors in self.label_weights.items():
            if unknown := set(factors) - tasks:
                raise ValueError(f"label_weights.{source}.{min(unknown)}: expected one of {', '.join(sorted(tasks))}")
        if self.weights.get("distillation") and not self.teacher:
            raise ValueError("objective.distillation: needs a teacher")
        if self.patience and self.sides:
            raise ValueError("patience: cannot be used with sides, whose first epochs are not comparable")
        return self

    @property
    def sets(self) -> tuple[str, ...]:
        """The data sets it trains on."""
        return tuple(name for name, count in self.per_step.items() if count)

    @property
    def weights(self) -> dict[str, float]:
        """Name of a loss term -> its weight."""
        return {name: term.weight for name, term in self.objective.items()}

    def with_terms(self, changes: Mapping[str, Any]) -> Self:
        """The recipe with other loss terms: a number changes a term's weight alone, fields what they name.

        Raises:
            FormatError: an unknown term or option.
        """
        return self.model_copy(update={"objective": merged(self.objective, changes)})

    def build_objective(self) -> Objective:
        """The loss.

        Raises:
            FormatError: an unknown table.
        """
        table = resolve(self.table) if isinstance(self.table, str) else self.table
        return Objective(self.objective, table)

    def build_network(self) -> Any:
        """The network, with fresh weights or those of ``init``.

        Raises:
            FormatError: arguments that its constructor does not take, or ``init`` of another shape.
        """
        network = store.build(self.network, self.network_args)
        if self.init:
            start = store.load(self.init, runtime="torch")
            assert not isinstance(start, store.OnnxNetwork)
            try:
                network.load_state_dict(start.state_dict())
            except RuntimeError as error:
                raise FormatError(f"init: {self.init} is not a {self.network} with {self.network_args}") from error
        return network


def names() -> tuple[str, ...]:
    """The shipped recipes."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def read(name_or_path: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """A shipped recipe by name, or a recipe file; what it does not list is as in ``Recipe``.

    Args:
        name_or_path: one of ``names()``, or a YAML file.
        changes: ``key=value``, the key with dots for what is nested, the value as YAML.

    Raises:
        MissingFileError: there is no such recipe.
        FormatError: it is not YAML, or a field is unknown or has an impossible value; the message names it.
    """
    shipped = FOLDER / f"{name_or_path}.yaml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        raise MissingFileError(f"no recipe {str(name_or_path)!r}: expected a YAML file or one of {list(names())}")
    try:
        written = sheets.decode(path.read_bytes())
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    values = _load(written, str(path))
    if not isinstance(values, dict):
        raise FormatError(f"{path}: expected fields and their values, found {values!r}")
    values.setdefault("name", path.stem)
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign:
            raise FormatError(f"--set {change}: expected key=value")
        _put(values, key.split("."), _load(text, f"--set {change}"), change)
    return parse(values, str(path))


def parse(values: dict[str, Any], source: str) -> Recipe:
    """A recipe from a mapping of fields; nested mappings add to the defaults rather than replace them.

    Raises:
        FormatError: the message names ``source`` and the field.
    """
    return _validated(_over(Recipe().model_dump(), _with_fields(values)), source)


def change(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with other values; a nested mapping changes the keys that it names.

    Raises:
        FormatError: a field is unknown or its value impossible; the message names it.
    """
    return _validated(_over(recipe.model_dump(), _with_fields(dict(changes))), f"recipe {recipe.name}")


def _with_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Values in which each loss term is its fields: a weight alone leaves the options as they are."""
    terms = values.get("objective")
    if not isinstance(terms, dict):
        return values
    return values | {"objective": {name: _fields(term) for name, term in terms.items()}}


def _fields(term: Any) -> dict[str, Any]:
    """A loss term's fields, of which files may give the weight alone."""
    return dict(term) if isinstance(term, dict) else {"weight": term}


def _validated(values: dict[str, Any], source: str) -> Recipe:
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"] if part != "[key]")
            lines.append(f"{source}: {field + ': ' if field else ''}{problem['msg'].removeprefix('Value error, ')}")
        raise FormatError("\n".join(lines)) from error


def _load(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FormatError(f"{source}: expected YAML ({' '.join(str(error).split())})") from error


def _put(values: dict[str, Any], keys: list[str], value: Any, change: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise FormatError(f"--set {change}: {key} has no parts")
    values[keys[-1]] = value


def _over(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
