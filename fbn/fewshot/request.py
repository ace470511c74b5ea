"""Request and result of few-shot learning."""

from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

Strategy = Literal["probe", "last_block", "whole"]


class FewShot(BaseModel):
    """A few-shot request: labelled pictures and how to learn from them.

    Attributes:
        data: folder or zip: RAF-DB's compound layout, a csv ``file,class`` beside pictures, or one folder per class.
        classes: name of the candidate classes (``fbn.compound.names``); None: the classes of the data, with the rows
            of Du, Tao & Martinez (2014).
        strategy: ``probe`` fits a linear residual on fixed features, in seconds; ``last_block`` and ``whole`` start
            from it and fine-tune the last residual block and the heads, or the whole network, with augmentation.
        shots: training pictures per class; None: all, 0: zero-shot.
        model: name or folder of the starting weights.
        name: save as a user's model of this name; None: evaluate only.
        overwrite: replace a model of that name.
        folds: number of folds of cross-validation, for data without a test split.
        draws: random draws of the pictures at each point of the learning curve.
        curve: strategy of the learning curve; None: no curve.
        crops: treat pictures in which no face is detected as face crops (True) or leave them out (False);
            None: True in RAF-DB's layout, whose pictures are crops.
        seed: seed of draws, folds and training.
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
    """A metric with its 95 % bootstrap interval over pictures."""

    value: float | None
    low: float | None
    high: float | None


class Figures(TypedDict):
    """Metrics of one classifier; ``mean_diagonal`` equals ``uar``. Undefined values are None."""

    mean_diagonal: Figure
    macro_f1: Figure
    uar: Figure
    accuracy: Figure


class Wrong(TypedDict):
    """A misclassified picture: true class ``true``, predicted class ``said``.

    ``crop`` and ``activation`` are paths relative to the run folder: the aligned crop, and the saved model's activation
    map for ``said``. ``probability`` is that of ``said``, ``own`` that of ``true``.
    """

    path: str
    true: str
    said: str
    probability: float
    own: float
    crop: str | None
    activation: str | None


class Shots(TypedDict):
    """A point of the learning curve, see ``fbn.fewshot.curve.CurvePoint``; ``shots`` None is all, 0 zero-shot."""

    shots: int | None
    draws: list[float]
    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None


class Result(TypedDict):
    """Result of ``few_shot``, as in ``result.json``.

    Attributes:
        date: ISO.
        asked: the request, ``FewShot`` as JSON.
        data: name of the data: the layout's or folder's.
        set: name of the candidate classes.
        classes: the C class names, in the order of all lists below.
        known: for each class, whether zero-shot can score it; otherwise it gets the others' mean score.
        counts: class -> training pictures of the saved model.
        measured: class -> pictures measured on.
        unmeasured: classes of which no picture is measured on (a single picture is only trained on).
        measurement: ``"test"`` (the official test split) or ``"folds"`` (cross-validation).
        confusion: [C][C] counts, rows true, columns predicted.
        recall: class -> recall; None without measured pictures.
        figures, zero_shot: metrics of the trained model and of zero-shot on the same pictures.
        zero_shot_confusion, zero_shot_recall: likewise.
        chance: mean diagonal of guessing, 1 / C.
        difference: mean diagonal minus zero-shot's, paired by picture, with its interval.
        curve: points by increasing number of shots; empty if not requested. ``curve_of``: its strategy.
        wrong: misclassified pictures, most confident first; ``wrong_total``: their number, listed or not.
        coverage: ``fbn.data.compound.Coverage`` as JSON.
        temperature, strength: temperature and penalty strength of the saved model's probe; strength None is infinite,
            which is zero-shot.
        seconds: times of each stage (``reading``, ``features``, ``measuring``, ``curve``, ``learning``, ``saving``) and
            ``total``.
        model: name of the saved model, or None.
        base: name of the starting model.
        notes: human-readable caveats to the metrics.
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
