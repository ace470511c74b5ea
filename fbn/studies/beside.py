"""A study beside others, and beside the papers' own tables; without Streamlit.

``assets/studies/affect/papers.csv``: A's Tables III and V, C's Table 2. A's Table III holds unfiltered figures of the
uncoupled row on Aff-Wild beside filtered ones of the coupled rows; here only figures that are filtered alike are
subtracted, with Table V's.
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

#: What may be asked otherwise of a study that stands beside another.
_FREE = ("rows", "seeds", "action_units")
#: Asked, or a budget's own, which may have been others in another version: what was taken is compared.
_STEPS = "steps"
#: What is compared over situations: title, metrics of which the first that was measured counts, labels trained on.
_ASPECTS = (
    ("Expressions not trained on", ("mean_diagonal", "expression_f1", "accuracy"), False),
    ("Action units", ("f1",), True),
    ("Expressions", ("mean_diagonal", "expression_f1", "accuracy"), True),
    ("Valence", ("ccc_valence",), True),
    ("Arousal", ("ccc_arousal",), True),
)
PAPERS = ("A", "C")
#: A difference of the papers' is theirs to two places: below half of the last one it is none.
_NONE = 0.005
#: The papers' second table was counted on a data set, as a study's inferred one is.
COUPLED_BY = {"du2014": "Du 2014's table", "counted": "A table counted on data"}
_COUNTED = ("inferred", "affwild2")


@lru_cache(maxsize=64)
def _read(folder: Path, _written: int) -> StudyResult:
    return StudyResult.read(folder)


def read_all(folders: Iterable[Path]) -> list[StudyResult]:
    """Those that can be read, each once for as long as nobody writes it anew; whoever opens the others is told why."""
    found = []
    for folder in folders:
        try:
            found.append(_read(folder, (folder / SUMMARY).stat().st_mtime_ns))
        except (FbnError, OSError):
            continue
    return found


def alike(result: StudyResult, others: Iterable[StudyResult]) -> list[StudyResult]:
    """The study and those that asked the same with fewer or more AU labels, the scarcest first.

    Of each number one, the one with the most of its arms.
    """
    found = {result.unit_labels: result}
    for other in others:
        if _asked(other) == _asked(result) and other.trained_on == result.trained_on:
            before = found.get(other.unit_labels, other)
            found[other.unit_labels] = max(
                before, other, key=lambda own: len(own.arms.index.intersection(result.arms.index))
            )
    return [found[number] for number in sorted(found)]


def common_arms(results: Sequence[StudyResult], count: int) -> dict[str, str]:
    """Coupled arms of at least so many of some studies: name -> label."""
    labels = {arm: own.label(arm) for own in reversed(results) for arm in own.coupled}
    return {arm: label for arm, label in labels.items() if sum(arm in own.coupled for own in results) >= count}


def by_unit_labels(results: Sequence[StudyResult], arms: Sequence[str], key: str, side: str) -> pd.DataFrame:
    """Differences of arms in one figure, a line for each arm and study; ``pictures``: with AU labels."""
    parts = [
        differences(own.figures[(own.figures["key"] == key) & own.figures["arm"].isin(arms)], side).assign(
            pictures=own.unit_labels
        )
        for own in results
    ]
    found = pd.concat(parts)
    return found.assign(place=found["arm"].map(list(arms).index)).sort_values(["place", "pictures"])


def situations(results: Iterable[StudyResult], arms: Sequence[str]) -> pd.DataFrame:
    """Where coupling pays: in each study that has all of some arms, how they differ from no coupling.

    Of each study one figure for each of ``_ASPECTS``: of sets that are trained on or not, the metric that stands first,
    median-filtered where it was, the mean over sets or else the first set.

    Returns:
        As ``differences``, with aspect, situation and measure (in words) beside each line; fewer AU labels first.
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
    # the same but for its steps
    several = found.groupby("situation")["study"].transform("nunique") > 1
    found["situation"] += found["steps"].where(several, "")
    order = {title: place for place, (title, *_) in enumerate(_ASPECTS)}
    return found.sort_values("aspect", key=lambda own: own.map(order), kind="stable")


@dataclass(frozen=True)
class Compared:
    """An arm and its baseline, in the papers and in a study.

    Attributes:
        title: for people.
        row, base: of the papers' tables and of the study.
        side: where the study's figures tell the difference.
        own: the study's arm, where it is called otherwise.
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
    """What a study can be compared in; a study of architectures: each with itself uncoupled."""
    if result.is_of_architectures:
        names = {arm: str(result.arms.at[arm, "description"]).split(",")[0] for arm in result.best_arms}
        return tuple(Compared(f"{name}: coupled − no coupling", "both", own=arm) for arm, name in names.items())
    return tuple(each for each in COMPARED if any(own_arm(result, each, table) for table in COUPLED_BY))


def own_arm(result: StudyResult, compared: Compared, table: str) -> str | None:
    """The study's arm with such a table, a key of ``COUPLED_BY``; None where it has none that was compared."""
    if compared.own or table == "du2014" or compared.row == UNCOUPLED:
        arm: str | None = compared.own or compared.row
        arm = None if compared.own and table != "du2014" else arm
    else:
        names = (f"{compared.row}.{counted}" for counted in _COUNTED)
        arm = next((name for name in names if name in result.arms.index), None)
    told = result.figures[result.figures["arm"] == arm]
    return arm if told[f"{compared.side}_difference"].notna().any() else None


@cache
def published() -> pd.DataFrame:
    """``papers.csv``: paper, source, row, set, name, figure, filtered, value, and key as in a study."""
    found = pd.read_csv(shipped(f"{COMMITTED}/papers.csv"), dtype={"filtered": bool})
    marks = found["filtered"].map({True: f"/{FILTERED}", False: ""})
    return found.assign(key=found["set"] + "/" + found["figure"] + marks)


def beside_papers(result: StudyResult, compared: Compared, table: str) -> pd.DataFrame:
    """Every figure of the papers or of the study, task by task.

    Args:
        result: the study.
        compared: which arms.
        table: key of ``COUPLED_BY``.

    Returns:
        key (expressions that are withheld from training have their set's), task, label; ``A`` and ``C``: the papers'
        differences; difference, low, high, interval, mark, verdict: the study's; same: whether both go the same way,
        "" where it cannot be told or only one tells. NaN where there is none.
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
    found["same"] = [_same_way(*each) for each in zip(found["verdict"], found["A"], found["C"], strict=True)]
    order = [*published()["key"], *ours.index]
    found = found.sort_index(key=lambda keys: keys.map(order.index))
    return found.sort_values("task", key=lambda own: own.map(list(TASKS).index), kind="stable").reset_index(names="key")


def _same_way(own: str, *papers: float) -> str:
    """Whether a study's difference goes the way of the papers', which give no intervals."""
    theirs = {(value > 0) - (value < 0) for value in papers if abs(value) > _NONE}
    here = {Verdict.BETTER.value: 1, Verdict.WORSE.value: -1}.get(own)
    if here is None or len(theirs) != 1:
        return ""
    return "yes" if theirs == {here} else "no"


def _asked(result: StudyResult) -> dict[str, object]:
    asked = {name: value for name, value in result.request.items() if name not in _FREE}
    return asked | {_STEPS: max(result.steps.values(), default=asked.get(_STEPS))}
