"""Request of a comparison of two relatedness tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from fbn.errors import FbnError
from fbn.relatedness import RelatednessTable, resolve
from fbn.studies.study import Arm, Budget, Request, by_name
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX

ARMS = by_name(
    [
        Arm("base", "table", "trained with the first table"),
        Arm("edited", "table", "trained with the second table", baseline="base"),
    ]
)


def _table(value: Any) -> Any:
    try:
        if isinstance(value, str):
            return resolve(value)
        return RelatednessTable.from_json(json.dumps(value)) if isinstance(value, Mapping) else value
    except FbnError as error:
        raise ValueError(str(error)) from None


def _recipe(value: Any) -> Any:
    try:
        return recipes.read(value) if isinstance(value, str) else value
    except FbnError as error:
        raise ValueError(str(error)) from None


#: A table, given as an object, by name or by file; JSON contains the full table.
Table = Annotated[
    RelatednessTable, BeforeValidator(_table), PlainSerializer(lambda table: json.loads(table.to_json()), dict)
]
#: A recipe, given as an object, by name or by file; JSON contains the full recipe.
NamedRecipe = Annotated[Recipe, BeforeValidator(_recipe)]


class LabelledShares(BaseModel):
    """Fractions of the drawn pictures labelled for each task; every picture is labelled for one task.

    Attributes:
        action_units: fraction with AUs.
        valence_arousal: fraction with valence and arousal; the rest have an expression.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action_units: float = Field(default=0.06, gt=0, le=0.9)
    valence_arousal: float = Field(default=0.14, gt=0, le=0.9)

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.action_units + self.valence_arousal > 0.95:
            raise ValueError(
                "action_units and valence_arousal leave no pictures for expressions: expected 0.95 at most"
            )
        return self


class TablesBudget(Budget):
    """Size of the data sets and of the training.

    Attributes:
        pictures: drawn training pictures for each seed, cached (62 kB each); of a data root all are used.
        held_out: drawn held-out pictures, of other people and with all labels.
    """

    pictures: int = Field(default=3000, ge=60, le=100_000)
    held_out: int = Field(default=800, ge=20, le=20_000)
    all_cores: bool = True


BUDGETS: dict[str, TablesBudget] = {
    "smoke": TablesBudget(pictures=60, held_out=40, steps=3, seeds=1, rounds=10),
    "lesson": TablesBudget(pictures=2000, held_out=500, steps=250, seeds=2),
    "small": TablesBudget(),
}


class TablesRequest(Request):
    """Request of a comparison. Tables and the recipe may be given by name or file; their content is stored.

    Attributes:
        base: one table.
        edited: the other.
        truth: the table that the drawn faces are made with; None: ``edited``, which measures the benefit of the edit if
            it is correct. Not with ``data``.
        names: display names of the two tables; by default as given.
        recipe: recipe of both networks, apart from table, seed and steps. With ``data``, missing data sets are left
            out.
        labelled: labels of the drawn pictures.
    """

    ARMS: ClassVar[Mapping[str, Arm]] = ARMS
    BUDGETS: ClassVar[Mapping[str, Budget]] = BUDGETS

    base: Table = Field(description="One table: a built-in table's name, a saved one's, or a file.")
    edited: Table = Field(description="The other: a name or a file.")
    truth: Table | None = Field(default=None, description="What the faces are drawn by, --edited if not given.")
    names: tuple[str, str] = ("base", "edited")
    recipe: NamedRecipe = Field(
        default="coupled", validate_default=True, description="Name of a shipped recipe, or a YAML file."
    )
    labelled: LabelledShares = LabelledShares()
    part: Literal["test", "valid"] = "valid"

    @model_validator(mode="before")
    @classmethod
    def _named_as_given(cls, values: Any) -> Any:
        if isinstance(values, dict) and "names" not in values:
            given = [values.get(arm) for arm in ARMS]
            named = [Path(name).stem for name in given if isinstance(name, str)]
            return {**values, "names": named} if len(named) == len(given) else values
        return values

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.base == self.edited:
            raise ValueError("the two tables are equal in every cell: there is nothing to compare")
        if not self.changed:
            raise ValueError("the two tables differ only in compounds or AU11, which training does not read")
        if self.data and self.truth:
            raise ValueError("truth: real faces were not made by a table; leave it out, or leave out data")
        return self

    @property
    def changed(self) -> tuple[tuple[str, int], ...]:
        """(category, AU) of the cells in which the tables differ, among those used in training."""
        cells = ((change.category, change.action_unit) for change in self.base.diff(self.edited))
        return tuple((e, a) for e, a in cells if e in EXPRESSION_INDEX and a in AU_INDEX)
