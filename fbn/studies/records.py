"""What a study's files hold, line by line, checked as they are read; without Streamlit."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, field_validator

from fbn.studies.measure import FIGURES
from fbn.vocabulary import ACTION_UNITS

#: Set, metric, whether median-filtered.
Key = tuple[str, str, bool]
#: Head of a network -> what it is called.
TASKS = {"expression": "Expressions", "units": "Action units", "affect": "Valence and arousal"}


def task_of(figure: str) -> str:
    """The head that a metric measures; a key of ``TASKS``."""
    return FIGURES[figure][0]


class SeedDifference(BaseModel):
    """As ``fbn.studies.summary`` tells it; ``low``, ``high``: Student's interval, None of one seed."""

    difference: float
    low: float | None
    high: float | None
    seeds: int


class Difference(SeedDifference):
    """With the bootstrap's interval beside Student's."""

    boot_low: float
    boot_high: float

    @property
    def bootstrapped(self) -> SeedDifference:
        """The same with the bootstrap's interval, which other pictures and people also widen."""
        return self.model_copy(update={"low": self.boot_low, "high": self.boot_high})


class Figure(BaseModel):
    """One row's metric on one set."""

    row: str
    set: str
    figure: str
    filtered: bool
    mean: float
    sd: float | None
    seeds: int
    chance: float
    uncoupled: Difference | None
    single: Difference | None

    @field_validator("figure")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in FIGURES:
            raise ValueError(f"no metric {name!r}: expected one of {', '.join(FIGURES)}")
        return name

    @property
    def key(self) -> Key:
        """Set, metric, whether median-filtered."""
        return self.set, self.figure, self.filtered

    @property
    def task(self) -> str:
        """A key of ``TASKS``."""
        return task_of(self.figure)


class About(BaseModel):
    """One row: what it is."""

    row: str
    group: str
    words: str
    table: str | None
    terms: dict[str, float]
    seeds: int
    parameters: int
    seconds: float


class Detail(BaseModel):
    """One AU's F1, or one expression's recall, by one row on one set.

    ``told``: whether it was held against other rows at all; versions before 0.6.0 kept means alone.
    """

    row: str
    set: str
    figure: str
    filtered: bool
    name: str
    mean: float
    sd: float | None = None
    seeds: int
    uncoupled: SeedDifference | None = None
    single: SeedDifference | None = None
    told: bool

    @classmethod
    def of_line(cls, line: dict[str, str]) -> "Detail":
        """A line of ``details.csv``: empty cells are None, each difference's cells are put together."""
        values: dict[str, Any] = {column: None if value == "" else value for column, value in line.items()}
        told = "uncoupled_difference" in values
        for side in ("uncoupled", "single"):
            cells = {part: values.pop(f"{side}_{part}", None) for part in ("difference", "low", "high", "seeds")}
            values[side] = cells if cells["difference"] is not None else None
        return cls.model_validate(values | {"told": told})


def in_order(details: Sequence[Detail]) -> list[Detail]:
    """AUs as FACS numbers them, then expressions as they came."""
    order = [*(unit.short for unit in ACTION_UNITS), *dict.fromkeys(each.name for each in details)]
    return sorted(details, key=lambda each: order.index(each.name))


class Point(BaseModel):
    """Mean of a loss over one part of the training; None where a row does not have it yet."""

    row: str
    term: str
    value: float | None

    @field_validator("value", mode="before")
    @classmethod
    def _absent(cls, value: object) -> object:
        return None if value == "" else value


class Summary(BaseModel):
    """``summary.json``."""

    date: str
    study: dict[str, Any]
    labelled: dict[str, int]
    trained_on: list[str]
    rows: list[About]
    tables: dict[str, dict[str, Any]]
    figures: list[Figure]
