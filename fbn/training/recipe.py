"""Recipes: all settings of a training run, validated; recipe files list only the changes to the defaults."""

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


#: A relatedness table, or its name or file; JSON and YAML contain the full table.
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


#: Name -> loss term; files give each term's weight, or its fields.
Terms = Annotated[dict[str, SerializeAsAny[Term]], BeforeValidator(_terms)]

#: Option of ``forms``, in recipes before 0.8 -> the terms it applies to, and its present name.
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
    """Settings of a training run: network, data, losses, optimisation. The defaults are the base recipe.

    Attributes:
        name: name of the run, unless the command line gives one.
        network: name in the zoo; ``network_args`` go to its constructor.
        init: name or folder of a model with the initial weights.
        per_step: data set -> its number of pictures in each batch (0 leaves a data set out).
        mode: ``"fixed"`` uses ``per_step`` (below 64 pictures with valence and arousal, CCC is a noisy loss);
            ``"paper"`` divides ``paper_batch`` pictures between VA-Set, AU-Set and EXPR-Set so that one epoch contains
            every data set once.
        balance: data set -> exponent by which rare expressions are drawn more often (see ``loading.Stream``).
        clean: apply paper A's cleaning to AffectNet's training split.
        apart: leave out training pictures that show the same photograph as a validation or test picture of any data
            set of ``fbn evaluate``, even in another file (``fbn.data.alike``).
        smoothing: data set -> label smoothing of its expressions: the probability spread evenly over all seven.
        label_weights: data set -> name of a task -> factor on the weight of its labels.
        silver: table written by ``fbn.data.silver``, for AUs without a label.
        silver_weight: weight of those labels.
        teacher: models (names or folders) whose mean prediction is the target of the ``distillation`` term.
        objective: name of a loss term or of a task -> ``fbn.losses.Term``: a weight, or the term's fields, e.g.
            ``distribution_matching: {weight: 0.3, form: printed}``.
        table: relatedness table of the coupling terms: a table, a built-in or saved name, or a file.
        augmentation: augmentation of the pictures; ``augmentations`` replaces it for single data sets (a small one,
            repeated hundreds of times, needs more augmentation than a large one).
        sides: progressive resizing: resolutions in pixels, each for an equal number of epochs, e.g. ``(80, 112)``: the
            network is fully convolutional, and half the pixels cost half the time. Empty: the network's default.
        epochs: number of epochs, of ``steps_per_epoch`` steps; in paper mode, of as many as the data sets need.
        learning_rate: its peak, reached after ``warmup`` steps and followed by a cosine to 0.
        weight_decay: weight decay of convolution and linear weights.
        clip: maximum gradient norm.
        averaging: decay of the exponential average of the weights, which is validated and exported.
        patience: epochs without a better validation score after which training stops; 0: never. Not with ``sides``:
            validation uses the full resolution and is not comparable while training uses a lower one.
        precision: numeric precision of Lightning's trainer; ``"auto"``: bfloat16 where it is supported natively,
            full precision elsewhere (``fbn.training.precision``). A resumed run keeps its precision.
        compile: fuse the training step with ``torch.compile``: a fifth to a third faster on two cores, after a minute
            at the start and at each of ``sides``. Needs a C++ compiler.
        seed: seed of weights, batches and augmentation; the splits do not depend on it.

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
        """Convert the field ``forms`` of recipes before 0.8 to options of the objective's terms."""
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
        """Names of the training data sets."""
        return tuple(name for name, count in self.per_step.items() if count)

    @property
    def weights(self) -> dict[str, float]:
        """Loss term -> weight."""
        return {name: term.weight for name, term in self.objective.items()}

    def with_terms(self, changes: Mapping[str, Any]) -> Self:
        """Return the recipe with changed loss terms: a number changes a term's weight, a mapping the fields it names.

        Raises:
            FormatError: an unknown term or option.
        """
        return self.model_copy(update={"objective": merged(self.objective, changes)})

    def build_objective(self) -> Objective:
        """Build the loss.

        Raises:
            FormatError: an unknown table.
        """
        table = resolve(self.table) if isinstance(self.table, str) else self.table
        return Objective(self.objective, table)

    def build_network(self) -> Any:
        """Build the network, with random weights or those of ``init``.

        Raises:
            FormatError: invalid constructor arguments, or ``init`` is of another shape.
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
    """Return the names of the shipped recipes."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def read(name_or_path: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a shipped recipe or a recipe file; fields that it does not list have ``Recipe``'s defaults.

    Args:
        name_or_path: one of ``names()``, or a YAML file.
        changes: ``key=value``, with dots in the key for nested fields, and the value in YAML.

    Raises:
        MissingFileError: the recipe does not exist.
        FormatError: it is not valid YAML, or a field is unknown or has an invalid value; the message names it.
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
    """Make a recipe from a mapping of fields; nested mappings are merged with the defaults.

    Raises:
        FormatError: the message names ``source`` and the field.
    """
    return _validated(_over(Recipe().model_dump(), _with_fields(values)), source)


def change(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with changed values; nested mappings are merged.

    Raises:
        FormatError: a field is unknown or its value invalid; the message names it.
    """
    return _validated(_over(recipe.model_dump(), _with_fields(dict(changes))), f"recipe {recipe.name}")


def _with_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Return values in which each loss term is a mapping of fields, so that a weight alone keeps the options."""
    terms = values.get("objective")
    if not isinstance(terms, dict):
        return values
    return values | {"objective": {name: _fields(term) for name, term in terms.items()}}


def _fields(term: Any) -> dict[str, Any]:
    """Return a loss term's fields; files may give the weight alone."""
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
