"""Finished studies as pandas tables: those that ship, those of jobs, any folder that ``fbn study`` wrote."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.resources import shipped
from fbn.studies.affect_arms import ARMS, GROUPS, SINGLE, UNCOUPLED
from fbn.studies.folder import CURVES, DETAILS, PLAN, SUMMARY
from fbn.studies.labels import SIDES, TASKS, arm_name, interval, measure_name, set_name, verdict
from fbn.studies.measure import FIGURES, FILTERED, TOGETHER

COMMITTED = "assets/studies/affect"
NOTE = "NOTE.md"
#: Tables that lie beside the summary, and what each holds.
TABLES = {
    "summary.csv": "Figures and differences",
    "details.csv": "AUs and expressions",
    "curves.csv": "Training curves",
    "runs.csv": "Every run",
}
#: What a column holds, besides one of some names. ``MAYBE`` may be empty, or missing in studies of older versions.
_TEXT, _NUMBER, _FLAG, _MAYBE = "a text", "a number", "True or False", "a number or nothing"
_Kind = str | Collection[str]
_SIDE = ("difference", "low", "high", "seeds")
_MEASURED: dict[str, _Kind] = {"row": _TEXT, "set": _TEXT, "filtered": _FLAG, "mean": _NUMBER, "sd": _MAYBE}
_MEASURED |= {"seeds": _NUMBER} | {f"{side}_{part}": _MAYBE for side in SIDES for part in _SIDE}
_BOOT: dict[str, _Kind] = {f"{side}_{part}": _MAYBE for side in SIDES for part in ("boot_low", "boot_high")}
_COLUMNS: dict[str, dict[str, _Kind]] = {
    "rows": {"row": _TEXT, "group": _TEXT, "words": _TEXT, "seeds": _NUMBER, "parameters": _NUMBER, "seconds": _NUMBER},
    "figures": _MEASURED | _BOOT | {"figure": tuple(FIGURES), "chance": _NUMBER},
    DETAILS: _MEASURED | {"figure": _TEXT, "name": _TEXT},
    CURVES: {"row": _TEXT, "term": _TEXT, "part": _NUMBER, "value": _MAYBE},
    "runs.csv": {"row": _TEXT, "seed": _NUMBER},
}


class _Summary(BaseModel):
    """``summary.json``."""

    date: str
    study: dict[str, Any]
    labelled: dict[str, int]
    trained_on: list[str]
    rows: list[dict[str, Any]]
    tables: dict[str, dict[str, Any]]
    figures: list[dict[str, Any]]


@dataclass(frozen=True)
class StudyResult:
    """A finished study. Arms are its ways of training; tables on disk call them rows.

    Attributes:
        folder: where it is.
        date: when it was summarised.
        request: what was asked for.
        labelled: task -> training pictures with such labels.
        trained_on: sets that labels were learned from.
        tables: coupled arm -> its relatedness table.
        arms: indexed by name: group, description, label, table, terms (loss -> weight), seeds, parameters, seconds.
        figures: arm, key, set, figure, filtered, task, mean, sd, seeds, chance, and ``SIDE_difference``, ``_low``,
            ``_high``, ``_boot_low``, ``_boot_high``, ``_seeds`` for each key of ``SIDES``; NaN where not told. By key,
            then by arm. A key is ``set/figure`` or ``set/figure/filtered``, as in ``runs.csv``.
        details: the same of each AU's F1 and each expression's recall (name), without chance and bootstrap.
        curves: arm, term (a loss), part (of the training), value (its mean there; NaN where it does not count yet).
        runs: a line for each run: row, seed, a column for each key, and how it was run.
    """

    folder: Path
    date: str
    request: dict[str, Any]
    labelled: dict[str, int]
    trained_on: tuple[str, ...]
    tables: dict[str, dict[str, Any]]
    arms: pd.DataFrame
    figures: pd.DataFrame
    details: pd.DataFrame
    curves: pd.DataFrame
    runs: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> "StudyResult":
        """Open a folder that ``fbn study`` wrote. Tables that do not lie beside the summary are empty.

        Raises:
            MissingFileError: it holds no finished study.
            FormatError: a file of it is damaged; the message names the file, the line and the field.
        """
        path = folder / SUMMARY
        try:
            summary = _Summary.model_validate_json(path.read_bytes())
        except OSError:
            why = "no such folder" if not folder.is_dir() else f"no {SUMMARY} in it: not a study, or not finished"
            raise MissingFileError(f"{folder}: {why}") from None
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the file"
            raise FormatError(f"{path}: {where}: {problem['msg']}") from None
        arms = pd.DataFrame({"table": None, "terms": [{}], "group": ""} | row for row in summary.rows)
        arms = _checked(arms, "rows", lambda n: f"{path}: rows.{n}", keep=("table", "terms"))
        arms = arms.sort_values("group", key=lambda own: own.map(_rank), kind="stable").set_index("arm")
        arms = arms.rename(columns={"words": "description"})
        arms["label"] = [arm_name(str(name), words) for name, words in arms["description"].items()]
        figures = _checked(pd.json_normalize(summary.figures, sep="_"), "figures", lambda n: f"{path}: figures.{n}")
        trained_on = tuple(summary.trained_on)
        return cls(
            folder,
            summary.date,
            summary.study,
            summary.labelled,
            trained_on,
            summary.tables,
            arms,
            _in_order(figures, arms, trained_on),
            _in_order(_table(folder / DETAILS), arms, trained_on),
            _table(folder / CURVES),
            _table(folder / "runs.csv"),
        )

    @property
    def is_drawn(self) -> bool:
        """Whether its faces are drawn ones."""
        return self.request.get("data") is None

    @property
    def seeds(self) -> int:
        """The most that any arm has."""
        return int(self.arms["seeds"].max()) if len(self.arms) else 0

    @property
    def unit_labels(self) -> int:
        """Training pictures with AU labels."""
        return self.labelled.get("action_units", 0)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Each key: set, figure, filtered, task, label; in the order of ``figures``."""
        columns = ["key", "set", "figure", "filtered", "task"]
        found = self.figures[columns].drop_duplicates("key").set_index("key")
        named = zip(found["set"], found["figure"], found["filtered"], strict=True)
        found["label"] = [measure_name(of, figure, video, self.is_unseen(of)) for of, figure, video in named]
        return found

    def label(self, arm: str) -> str:
        """An arm in words."""
        return str(self.arms.at[arm, "label"])

    def measure(self, key: str) -> str:
        """A key in words."""
        return str(self.measures.at[key, "label"])

    @cached_property
    def coupled(self) -> list[str]:
        """Arms with a coupling loss."""
        return [str(name) for name, terms in self.arms["terms"].items() if terms]

    @property
    def is_of_architectures(self) -> bool:
        """Whether it couples other architectures, and nothing else."""
        return {self.arms.at[name, "group"] for name in self.coupled} == {"architecture"}

    @cached_property
    def best_arms(self) -> list[str]:
        """The papers' best, soft co-annotation with matching, by any table; in a study of architectures of each."""
        groups = ("architecture",) if self.is_of_architectures else ("coupling", "table")
        wanted = {"soft_co_annotation", "distribution_matching"}
        own = self.arms[self.arms["group"].isin(groups)]
        return [str(name) for name, terms in own["terms"].items() if set(terms) == wanted]

    @property
    def main_arms(self) -> list[str]:
        """What is looked at first: the papers' best, of every architecture; else the first that is coupled."""
        if self.best_arms and self.is_of_architectures:
            return self.best_arms
        return [*self.best_arms, *self.coupled][:1]

    @cached_property
    def steps(self) -> dict[str, int]:
        """Arm -> steps of each of its trainings, as far as ``runs.csv`` tells."""
        if "steps" not in self.runs:
            return {}
        told = self.runs.assign(steps=pd.to_numeric(self.runs["steps"], errors="coerce")).dropna(subset="steps")
        return {
            SINGLE if row in _single_task() else row: int(n) for row, n in zip(told["row"], told["steps"], strict=True)
        }

    def is_unseen(self, of_set: str) -> bool:
        """Whether no labels of this set, or of this kind on it, were learned from."""
        return of_set not in (*self.trained_on, TOGETHER)

    def of_arm(self, arm: str, filtered: bool | None = False) -> pd.DataFrame:
        """One arm's figures, without means over sets; ``filtered``: only such, None for all."""
        own = self.figures[(self.figures["arm"] == arm) & (self.figures["set"] != TOGETHER)]
        return own if filtered is None else own[own["filtered"] == filtered]

    def first_keys(self, arm: str) -> list[str]:
        """What the plan reads first: mean AU F1 of all sets with AUs, or that of each set that is trained on."""
        units = self.figures[
            (self.figures["arm"] == arm) & (self.figures["figure"] == "f1") & ~self.figures["filtered"]
        ]
        mean = units[units["set"] == TOGETHER]
        return list((mean if len(mean) else units[~units["set"].map(self.is_unseen)])["key"])

    def seed_differences(self, side: str) -> dict[tuple[str, str], list[float]]:
        """(arm, key) -> its difference on each seed, as far as ``runs.csv`` tells; ``side``: a key of ``SIDES``."""
        keys = [name for name in map(str, self.runs) if "/" in name]
        if not keys:
            return {}
        values = self.runs.groupby(["row", "seed"])[keys].first()
        arms, seeds = (values.index.get_level_values(level) for level in ("row", "seed"))
        if side == "single":
            base = values[arms.isin(_single_task())].groupby("seed").first().reindex(seeds)
        else:
            baselines = arms.map(lambda arm: (ARMS[arm].baseline if arm in ARMS else None) or UNCOUPLED)
            base = values.reindex(pd.MultiIndex.from_arrays([baselines, seeds]))
        found: dict[tuple[str, str], list[float]] = {}
        for arm, changes in zip(arms, (values - base.to_numpy()).to_numpy(float), strict=True):
            for key, value in zip(keys, changes, strict=True):
                if value == value:
                    found.setdefault((str(arm), key), []).append(float(value))
        return found

    def about(self) -> str:
        """What was done, in a line."""
        sets = ", ".join(dict.fromkeys(map(set_name, self.trained_on)))
        parts = ["Drawn faces" if self.is_drawn else f"Real faces: {sets}"]
        parts.append(f"budget {self.request.get('budget', '?')}")
        parts.append(f"{self.seeds} seed{'s' if self.seeds != 1 else ''}")
        if counts := sorted(set(self.steps.values()), reverse=True):
            # fewer are of arms that are slow
            parts.append(f"{' or '.join(f'{count:,}' for count in counts)} steps")
        if self.unit_labels:
            total = sum(self.labelled.values())
            parts.append(f"AU labels on {self.unit_labels:,} of {total:,} training pictures")
        # resumed after the code changed
        if "git_sha" in self.runs and (codes := self.runs["git_sha"].nunique()) > 1:
            parts.append(f"{codes} revisions of the code")
        return " · ".join([*parts, self.date])


def differences(frame: pd.DataFrame, side: str, bootstrapped: bool = False) -> pd.DataFrame:
    """Those lines of figures or details that are compared with a side.

    Args:
        frame: ``StudyResult.figures`` or ``.details``, or some of their lines.
        side: key of ``SIDES``.
        bootstrapped: the bootstrap's intervals, instead of Student's over seeds.

    Returns:
        The lines, with columns difference, low, high, verdict (by the interval), its mark, interval (as text), and the
        seeds that both arms have.
    """
    found = frame.dropna(subset=f"{side}_difference")
    limits = ("boot_low", "boot_high") if bootstrapped else ("low", "high")
    own = {name: found[f"{side}_{part}"] for name, part in zip(("low", "high"), limits, strict=True)}
    found = found.assign(difference=found[f"{side}_difference"], **own, seeds=found[f"{side}_seeds"].astype(int))
    numbers = list(zip(found["difference"], found["low"], found["high"], strict=True))
    verdicts = [verdict(low, high) for _, low, high in numbers]
    texts = {
        "verdict": [each.value for each in verdicts],
        "mark": [each.mark for each in verdicts],
        "interval": [interval(*each) for each in numbers],
    }
    # without a line, pandas would take them for numbers
    return found.join(pd.DataFrame(texts, index=found.index, dtype=str))


def committed() -> Iterator[tuple[str, Path]]:
    """Name and folder of each study that ships with fbn, those of many arms first."""
    try:
        root = shipped(COMMITTED)
    except FbnError:
        return
    folders = sorted((path.parent for path in root.rglob(SUMMARY)), key=lambda folder: (-_arms_of(folder), folder))
    for folder in folders:
        yield folder.relative_to(root).as_posix(), folder


def note_section(folder: Path, title: str) -> str:
    """A section of the note that a person wrote on a study, in its folder or the one above; "" where there is none."""
    for path in (folder / NOTE, folder.parent / NOTE):
        if path.is_file():
            sections = f"\n{path.read_text('utf-8')}".split("\n## ")[1:]
            found = (text.partition("\n")[2] for text in sections if text.partition("\n")[0].strip() == title)
            return next(found, "").strip()
    return ""


def _arms_of(folder: Path) -> int:
    """How many arms were asked for; those that say nothing asked for all."""
    try:
        return len(json.loads((folder / PLAN).read_bytes())["rows"]) or len(ARMS)
    except (OSError, ValueError, KeyError):
        return 0


def _single_task() -> list[str]:
    return [name for name, arm in ARMS.items() if arm.part_of == SINGLE]


def _rank(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _in_order(frame: pd.DataFrame, arms: pd.DataFrame, trained_on: Collection[str]) -> pd.DataFrame:
    """With keys and tasks; task by task, means over sets, sets that are trained on, others; then by arm."""
    marks = frame["filtered"].map({True: f"/{FILTERED}", False: ""})
    # recall is of expressions, and of ``details`` alone
    tasks = frame["figure"].map({name: task for name, (task, _) in FIGURES.items()}).fillna("expression")
    frame = frame.assign(key=frame["set"] + "/" + frame["figure"] + marks, task=tasks)
    places = {
        "task": frame["task"].map(list(TASKS).index),
        "mean": frame["set"] != TOGETHER,
        "unseen": ~frame["set"].isin([*trained_on, TOGETHER]),
        "key": pd.factorize(frame["key"])[0],
        "arm": frame["arm"].map({arm: place for place, arm in enumerate(arms.index)}),
    }
    order = pd.DataFrame(places, frame.index).sort_values(list(places), kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _table(path: Path) -> pd.DataFrame:
    """A table beside the summary, its columns checked; empty where there is no such file."""
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (FileNotFoundError, pd.errors.EmptyDataError):
        found = pd.DataFrame(columns=list(_COLUMNS[path.name]))
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise FormatError(f"{path}: no table in UTF-8: {error}") from None
    # the first line is the head
    where = _line(path)
    if path.name != "runs.csv":
        return _checked(found, path.name, where)
    kinds = dict.fromkeys((name for name in map(str, found) if "/" in name), _MAYBE)
    return _checked(found, path.name, where, keep=found.columns, more=kinds).rename(columns={"arm": "row"})


def _line(path: Path) -> Callable[[int], str]:
    return lambda number: f"{path}, line {number + 2}"


def _checked(
    frame: pd.DataFrame,
    table: str,
    where: Callable[[int], str],
    keep: Collection[str] = (),
    more: Mapping[str, _Kind] | None = None,
) -> pd.DataFrame:
    """The columns that a table is to have, as what they hold; ``row`` is renamed ``arm``.

    Args:
        frame: what was read.
        table: key of ``_COLUMNS``.
        where: number of a line -> what an error calls it.
        keep: further columns that are taken as they are.
        more: further columns, as in ``_COLUMNS``.

    Raises:
        FormatError: a column is missing, or a value is none of what it holds.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name, kind in {**_COLUMNS[table], **(more or {})}.items():
        if name not in frame and kind != _MAYBE:
            raise FormatError(f"{where(0)}: no {name}" if len(frame) else f"{where(-1)}: no column {name}")
        values = frame[name] if name in frame else pd.Series(float("nan"), frame.index)
        text = values.map(lambda value: "" if value is None or value != value else str(value))
        if kind in (_NUMBER, _MAYBE):
            columns[name] = pd.to_numeric(text, errors="coerce").astype(float)
            wrong = columns[name].isna() & ((text != "") | (kind == _NUMBER))
        elif kind == _FLAG:
            columns[name] = text == "True"
            wrong = ~text.isin(["True", "False"])
        else:
            columns[name] = text
            wrong = (text == "") if kind == _TEXT else ~text.isin(list(kind))
        if wrong.any():
            number = int(wrong.to_numpy().argmax())
            expected = kind if isinstance(kind, str) else f"one of {', '.join(kind)}"
            raise FormatError(f"{where(number)}: {name}: expected {expected}, found {text.iloc[number]!r}")
    kept = {name: frame[name] for name in keep if name in frame and name not in columns}
    return pd.DataFrame({**columns, **kept}, index=frame.index).rename(columns={"row": "arm"})
