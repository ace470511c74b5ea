"""Comparison of a study with other studies and with the papers' published tables.

``assets/studies/affect/papers.csv`` has Tables III and V of paper A and Table 2 of paper C. Paper A's Table III gives
unfiltered values of the uncoupled row on Aff-Wild but filtered ones of the coupled rows; here differences are taken
only between values with the same filtering, using those of Table V.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import pandas as pd

from fbn.errors import FbnError
from fbn.resources import shipped
from fbn.studies.affect_arms import SINGLE, UNCOUPLED
from fbn.studies.folder import SUMMARY
from fbn.studies.labels import METRICS, TASKS, Verdict, set_name
from fbn.studies.measure import FIGURES, FILTERED
from fbn.studies.read import COMMITTED, StudyResult, differences

#: Fields in which the requests of comparable studies may differ.
_FREE = ("rows", "seeds", "action_units")
#: Compared by the number used, as a budget's default may differ between versions.
_STEPS = "steps"
#: What is compared over situations: title, metrics (the first one measured is used), whether on trained data sets.
_ASPECTS = (
    ("Expressions not trained on", ("mean_diagonal", "expression_f1", "accuracy"), False),
    ("Action units", ("f1",), True),
    ("Expressions", ("mean_diagonal", "expression_f1", "accuracy"), True),
    ("Valence", ("ccc_valence",), True),
    ("Arousal", ("ccc_arousal",), True),
)
PAPERS = ("A", "C")
#: The papers give two decimals: a difference below half of the last one counts as zero.
_NONE = 0.005
#: The papers' second table was counted on a data set, like a study's inferred one.
COUPLED_BY = {"du2014": "Du 2014's table", "counted": "A table counted on data"}
_COUNTED = ("inferred", "affwild2")


@lru_cache(maxsize=64)
def _read(folder: Path, _written: int) -> StudyResult:
    return StudyResult.read(folder)


def read_all(folders: Iterable[Path]) -> list[StudyResult]:
    """Read all readable studies, cached until they change; unreadable ones are skipped."""
    results = []
    for folder in folders:
        try:
            results.append(_read(folder, (folder / SUMMARY).stat().st_mtime_ns))
        except (FbnError, OSError):
            continue
    return results


def alike(result: StudyResult, others: Iterable[StudyResult]) -> list[StudyResult]:
    """Return the study and others that differ from it only in the number of AU labels, sorted by that number.

    If several have the same number, the one with the most arms in common is used.
    """
    by_labels = {result.unit_labels: result}
    for other in others:
        if _conditions(other) == _conditions(result) and other.trained_on == result.trained_on:
            before = by_labels.get(other.unit_labels, other)
            by_labels[other.unit_labels] = max(
                before, other, key=lambda each: len(each.arms.index.intersection(result.arms.index))
            )
    return [by_labels[number] for number in sorted(by_labels)]


def common_arms(results: Sequence[StudyResult], count: int) -> dict[str, str]:
    """Return the coupled arms, name -> label, that at least ``count`` of the studies have."""
    labels = {arm: own.label(arm) for own in reversed(results) for arm in own.coupled}
    return {arm: label for arm, label in labels.items() if sum(arm in own.coupled for own in results) >= count}


def by_unit_labels(results: Sequence[StudyResult], arms: Sequence[str], key: str, side: str) -> pd.DataFrame:
    """Return the differences of arms in one metric, one row per arm and study.

    Column ``pictures`` is the number of pictures with AU labels.
    """
    parts = [
        differences(own.figures[(own.figures["key"] == key) & own.figures["arm"].isin(arms)], side).assign(
            pictures=own.unit_labels
        )
        for own in results
    ]
    found = pd.concat(parts)
    return found.assign(place=found["arm"].map(list(arms).index)).sort_values(["place", "pictures"])


def situations(results: Iterable[StudyResult], arms: Sequence[str]) -> pd.DataFrame:
    """Return the differences of arms from no coupling in each study that has all of these arms.

    There is one metric per study for each of ``_ASPECTS``: the first one measured, on data sets that are or are not
    trained on, median-filtered if available, as a mean over data sets or else on the first one.

    Returns:
        As ``differences``, with the columns aspect, situation and measure (text); fewer AU labels first.
    """
    parts = []
    for own in sorted(results, key=lambda each: (each.is_drawn, each.unit_labels)):
        if not set(arms) <= set(own.coupled):
            continue
        faces = "Drawn" if own.is_drawn else "Real"
        for aspect, metrics, trained in _ASPECTS:
            there = own.measures[own.measures["set"].map(own.is_unseen) != trained]
            figure = next((metric for metric in metrics if metric in set(there["figure"])), None)
            there = there[there["figure"] == figure].sort_values("filtered", ascending=False, kind="stable")
            if there.empty:
                continue
            found = differences(own.figures[own.figures["key"] == there.index[0]], "uncoupled")
            parts.append(
                found[found["arm"].isin(arms)].assign(
                    aspect=aspect,
                    situation=f"{faces}, {own.unit_labels:,} AU labels",
                    measure=there["label"].iloc[0],
                    study=own.folder.name,
                    steps=f", {max(own.steps.values(), default=0):,} steps",
                )
            )
    if not parts:
        return pd.DataFrame()
    found = pd.concat(parts)
    # studies that differ only in the number of steps are labelled by it
    several = found.groupby("situation")["study"].transform("nunique") > 1
    found["situation"] += found["steps"].where(several, "")
    order = {title: place for place, (title, *_) in enumerate(_ASPECTS)}
    return found.sort_values("aspect", key=lambda own: own.map(order), kind="stable")


@dataclass(frozen=True)
class Compared:
    """An arm and its baseline, in the papers and in a study.

    Attributes:
        title: human-readable.
        row, base: the arm and its baseline, in the papers' tables and in the study.
        side: key of ``SIDES`` for the study's difference.
        own: name of the study's arm, if another.
    """

    title: str
    row: str
    base: str = UNCOUPLED
    side: str = "uncoupled"
    own: str = ""


COMPARED = (
    Compared("Soft co-annotation + matching − no coupling", "both"),
    Compared("Co-annotation − no coupling", "co"),
    Compared("Soft co-annotation − no coupling", "soft"),
    Compared("Distribution matching − no coupling", "match"),
    Compared("No coupling − single-task", UNCOUPLED, SINGLE, "single"),
    Compared("Soft co-annotation + matching − single-task", "both", SINGLE, "single"),
)


def offered(result: StudyResult) -> tuple[Compared, ...]:
    """Return the comparisons a study allows; in a study of architectures, each coupled one with itself uncoupled."""
    if result.is_of_architectures:
        names = {arm: str(result.arms.at[arm, "description"]).split(",")[0] for arm in result.best_arms}
        return tuple(Compared(f"{name}: coupled − no coupling", "both", own=arm) for arm, name in names.items())
    return tuple(each for each in COMPARED if any(own_arm(result, each, table) for table in COUPLED_BY))


def own_arm(result: StudyResult, compared: Compared, table: str) -> str | None:
    """Return the study's arm with a table, a key of ``COUPLED_BY``; None if it has no such arm with differences."""
    if compared.own or table == "du2014" or compared.row == UNCOUPLED:
        arm: str | None = compared.own or compared.row
        arm = None if compared.own and table != "du2014" else arm
    else:
        names = (f"{compared.row}.{counted}" for counted in _COUNTED)
        arm = next((name for name in names if name in result.arms.index), None)
    figures = result.figures[result.figures["arm"] == arm]
    return arm if figures[f"{compared.side}_difference"].notna().any() else None


@cache
def published() -> pd.DataFrame:
    """Read ``papers.csv``: paper, source, row, set, name, figure, filtered, value, and key as in a study."""
    found = pd.read_csv(shipped(f"{COMMITTED}/papers.csv"), dtype={"filtered": bool})
    marks = found["filtered"].map({True: f"/{FILTERED}", False: ""})
    return found.assign(key=found["set"] + "/" + found["figure"] + marks)


def beside_papers(result: StudyResult, compared: Compared, table: str) -> pd.DataFrame:
    """Return every metric of the papers or of the study, sorted by task.

    Args:
        result: the study.
        compared: the arms to compare.
        table: key of ``COUPLED_BY``.

    Returns:
        key (that of the data set, also for expressions withheld from training), task, label; ``A`` and ``C``: the
        papers' differences; difference, low, high, interval, mark, verdict: the study's; same: whether both have the
        same sign, "" if undecided or if only one is available. Missing values are NaN.
    """
    row = f"{compared.row}.affwild2" if compared.row != UNCOUPLED and table == "counted" else compared.row
    values = published().pivot(index="key", columns=["paper", "row"], values="value")
    parts = {
        paper: values[paper][row] - values[paper][compared.base] if row in values[paper] else pd.Series(dtype=float)
        for paper in PAPERS
    }
    theirs = pd.DataFrame(parts).dropna(how="all")
    arm = own_arm(result, compared, table)
    ours = differences(result.of_arm(arm, None) if arm else result.figures[:0], compared.side)
    ours = ours.assign(key=ours["key"].str.replace("-expressions/", "/")).set_index("key")
    columns = ["difference", "low", "high", "seeds", "mean", "interval", "mark", "verdict"]
    found = ours[columns].join(theirs, how="outer")
    names = published().drop_duplicates("set").set_index("set")["name"]
    of_set, figure = (found.index.str.split("/").str[part] for part in (0, 1))
    found["task"] = [FIGURES[name][0] for name in figure]
    found["label"] = [
        f"{names.get(own, set_name(own))} · {METRICS[name]}" + (", filtered" if key.endswith(FILTERED) else "")
        for key, own, name in zip(found.index, of_set, figure, strict=True)
    ]
    found["same"] = [_same_sign(*each) for each in zip(found["verdict"], found["A"], found["C"], strict=True)]
    order = [*published()["key"], *ours.index]
    found = found.sort_index(key=lambda keys: keys.map(order.index))
    return found.sort_values("task", key=lambda own: own.map(list(TASKS).index), kind="stable").reset_index(names="key")


def _same_sign(verdict: str, *papers: float) -> str:
    """Whether a study's difference has the sign of the papers' differences, which have no intervals."""
    signs = {(value > 0) - (value < 0) for value in papers if abs(value) > _NONE}
    sign = {Verdict.BETTER.value: 1, Verdict.WORSE.value: -1}.get(verdict)
    if sign is None or len(signs) != 1:
        return ""
    return "yes" if signs == {sign} else "no"


def _conditions(result: StudyResult) -> dict[str, object]:
    """Return the request without the fields in which comparable studies may differ."""
    conditions = {name: value for name, value in result.request.items() if name not in _FREE}
    return conditions | {_STEPS: max(result.steps.values(), default=conditions.get(_STEPS))}
