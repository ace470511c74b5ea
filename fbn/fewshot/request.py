"""What few-shot learning asks for, and what it answers."""

from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

Strategy = Literal["probe", "last_block", "whole"]


class FewShot(BaseModel):
    """A folder of labelled pictures, and how to learn from it.

    Attributes:
        data: folder or zip: RAF-DB's compound layout, a csv ``file,class`` beside pictures, or a folder a class.
        classes: a set's or table's name (``fbn.compound.names``) to choose among; None: the data's own classes, their
            rows those of Du, Tao & Martinez (2014).
        strategy: ``probe`` learns a linear residual on fixed features, in seconds; ``last_block`` and ``whole`` go on
            from it, with varied pictures, and change the network's last residual block and heads, or all of it.
        shots: pictures a class to learn from; None: all, 0: none, which is zero-shot.
        model: name or folder of the starting weights.
        name: to save as among the user's models; None: measure only.
        overwrite: replace a model of that name.
        folds: parts for measuring by cross-validation, where the data have no test part.
        draws: of the pictures at each point of the learning curve.
        curve: the way of learning that the curve is of; ``None`` for no curve.
        crops: whether pictures without a visible face are kept, as the crops that they are said to be, or left out;
            None: kept in RAF-DB's layout, whose pictures are crops.
        seed: of draws, folds and trainings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path
    classes: str | None = None
    strategy: Strategy = "probe"
    shots: int | None = Field(default=None, ge=0)
    model: str = "fbn"
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][\w.-]{0,79}$")
    overwrite: bool = False
    folds: int = Field(default=5, ge=2, le=20)
    draws: int = Field(default=5, ge=1, le=50)
    curve: Strategy | None = "probe"
    crops: bool | None = None
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.overwrite and self.name is None:
            raise ValueError("overwrite: there is no name to save as")
        return self


class Figure(TypedDict):
    """A figure with its 95 % bootstrap interval over pictures."""

    value: float | None
    low: float | None
    high: float | None


class Figures(TypedDict):
    """``mean_diagonal`` is also the UAR; None where nothing supports a figure."""

    mean_diagonal: Figure
    macro_f1: Figure
    uar: Figure
    accuracy: Figure


class Wrong(TypedDict):
    """A picture that got another class than its own.

    ``crop`` and ``activation`` are files in the run folder, relative to it: the aligned crop, and where the evidence
    for ``said`` lies for the model that is saved. ``probability`` is that of ``said``, ``own`` that of ``true``.
    """

    path: str
    true: str
    said: str
    probability: float
    own: float
    crop: str | None
    activation: str | None


class Shots(TypedDict):
    """A point of the learning curve: ``fbn.fewshot.curve.CurvePoint``; ``shots`` None is all, 0 zero-shot."""

    shots: int | None
    draws: list[float]
    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None


class Result(TypedDict):
    """What ``few_shot`` returns, and ``result.json`` holds.

    Attributes:
        date: ISO.
        asked: ``FewShot`` as JSON.
        data: name of the data: the layout's or folder's.
        set: name of the set of classes.
        classes: in the order of everything below.
        known: of each class whether zero-shot can tell it; if not it gets the others' mean score.
        counts: class -> pictures learned from by the saved model.
        measured: class -> pictures measured on.
        unmeasured: classes with pictures of which none is measured (one alone can only be learned from).
        measurement: ``"test"`` (the official part) or ``"folds"`` (each picture by what the other folds teach).
        confusion: [C][C] counts, rows true, columns said.
        recall: class -> share of its pictures named rightly; None without measured pictures.
        figures, zero_shot: of what was learned, and of zero-shot, on the same pictures.
        zero_shot_confusion, zero_shot_recall: likewise.
        chance: mean diagonal of guessing, 1 / C over all classes that can be said.
        difference: mean diagonal of what was learned - zero-shot's, paired by picture, with its interval.
        curve: points in rising number of shots; empty where none was asked for. ``curve_of``: the way of learning.
        wrong: pictures named wrongly, the most certain first; ``wrong_total`` counts those beyond the list's end too.
        coverage: ``fbn.data.compound.Coverage`` as JSON.
        temperature, strength: of the saved model's probe; strength None is infinite, which is zero-shot.
        seconds: by part (``reading``, ``features``, ``measuring``, ``curve``, ``learning``, ``saving``) and ``total``.
        model: name of the saved model, or None.
        base: name of the model it began from.
        notes: in words, what a reader must know of the figures.
    """

    date: str
    asked: dict[str, Any]
    data: str
    set: str
    classes: list[str]
    known: list[bool]
    counts: dict[str, int]
    measured: dict[str, int]
    unmeasured: list[str]
    measurement: Literal["test", "folds"]
    confusion: list[list[int]]
    recall: dict[str, float | None]
    figures: Figures
    zero_shot: Figures
    zero_shot_confusion: list[list[int]]
    zero_shot_recall: dict[str, float | None]
    chance: float
    difference: Figure
    curve: list[Shots]
    curve_of: Strategy | None
    wrong: list[Wrong]
    wrong_total: int
    coverage: dict[str, Any]
    temperature: float
    strength: float | None
    seconds: dict[str, float]
    model: str | None
    base: str
    notes: list[str]
