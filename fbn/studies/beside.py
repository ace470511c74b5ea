"""Comparison of a study with other studies and with the papers' published tables.

``assets/studies/NAME/papers.csv`` has the papers' tables: of ``affect`` Tables III and V of paper A and Table 2 of
paper C, of ``faces`` Table VIII of paper A. Paper A's Table III gives unfiltered values of the uncoupled row on
Aff-Wild but filtered ones of the coupled rows; here differences are taken only between values with the same filtering,
using those of Table V.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import pandas as pd

from fbn.errors import FbnError
from fbn.resources import shipped
from fbn.studies.committed import folder_of
from fbn.studies.display import Compared
from fbn.studies.folder import SUMMARY
from fbn.studies.labels import Verdict
from fbn.studies.measure import FILTERED
from fbn.studies.read import StudyResult, differences

#: Fields in which the requests of comparable studies may differ, beside that of the number of labels.
_FREE = ("rows", "seeds")
#: Compared by the number used, as a budget's default may differ between versions.
_STEPS = "steps"


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
    """Return the study and others that differ from it only in the number of labels of one kind, sorted by that number.

    If several have the same number, the one with the most arms in common is used.
    """
    of_number = {result.scarce_labels: result}
    for other in others if result.display.scarce else ():
        if _conditions(other) == _conditions(result) and other.trained_on == result.trained_on:
            before = of_number.get(other.scarce_labels, other)
            of_number[other.scarce_labels] = max(
                before, other, key=lambda each: len(each.arms.index.intersection(result.arms.index))
            )
    return [of_number[number] for number in sorted(of_number)]


def common_arms(results: Sequence[StudyResult], count: int) -> dict[str, str]:
    """Return the coupled arms, name -> label, that at least ``count`` of the studies have."""
    labels = {arm: own.label(arm) for own in reversed(results) for arm in own.coupled}
    return {arm: label for arm, label in labels.items() if sum(arm in own.coupled for own in results) >= count}


def by_labels(results: Sequence[StudyResult], arms: Sequence[str], key: str, side: str) -> pd.DataFrame:
    """Return the differences of arms in one metric, one row per arm and study.

    Column ``pictures`` is the number of pictures with the labels whose number varies.
    """
    parts = [
        differences(own.figures[(own.figures["key"] == key) & own.figures["arm"].isin(arms)], side).assign(
            pictures=own.scarce_labels
        )
        for own in results
    ]
    found = pd.concat(parts)
    return found.assign(place=found["arm"].map(list(arms).index)).sort_values(["place", "pictures"])


def situations(results: Iterable[StudyResult], arms: Sequence[str]) -> pd.DataFrame:
    """Return the differences of arms from no coupling in each study that has all of these arms.

    There is one metric per study for each of its aspects: the first one measured, on data sets that are or are not
    trained on, median-filtered if available, as a mean over data sets or else on the first one.

    Returns:
        As ``differences``, with the columns aspect, situation and measure (text); fewer labels first.
    """
    parts: list[pd.DataFrame] = []
    order: dict[str, int] = {}
    for own in sorted(results, key=lambda each: (each.is_drawn, each.scarce_labels)):
        if not own.display.situations or not set(arms) <= set(own.coupled):
            continue
        faces, scarce = "Drawn" if own.is_drawn else "Real", own.display.scarce
        labels = f", {own.scarce_labels:,} {scarce.name} labels" if scarce else ""
        order |= {title: place for place, (title, *_) in enumerate(own.display.situations.aspects)}
        for aspect, metrics, trained in own.display.situations.aspects:
            there = own.measures[own.measures["set"].map(own.is_unseen) != trained]
            figure = next((metric for metric in metrics if metric in set(there["figure"])), None)
            there = there[there["figure"] == figure].sort_values("filtered", ascending=False, kind="stable")
            if there.empty:
                continue
            found = differences(own.figures[own.figures["key"] == there.index[0]], "uncoupled")
            parts.append(
                found[found["arm"].isin(arms)].assign(
                    aspect=aspect,
                    situation=f"{faces}{labels}",
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
    return found.sort_values("aspect", key=lambda own: own.map(order), kind="stable")


def offered(result: StudyResult) -> tuple[Compared, ...]:
    """Return the comparisons a study allows; in a study of architectures, each coupled one with itself uncoupled."""
    papers = result.display.papers
    if papers is None:
        return ()
    if result.is_of_architectures:
        first = papers.compared[0]
        names = {arm: str(result.arms.at[arm, "description"]).split(",")[0] for arm in result.best_arms}
        return tuple(replace(first, title=f"{name}: coupled − no coupling", own=arm) for arm, name in names.items())
    return tuple(each for each in papers.compared if any(own_arm(result, each, table) for table in papers.tables))


def own_arm(result: StudyResult, compared: Compared, table: str) -> str | None:
    """Return the study's arm with a relatedness table; None if it has no such arm with differences.

    Args:
        result: the study.
        compared: the arms to compare.
        table: key of the papers' ``tables``; only the first one applies to arms with a name of their own.
    """
    papers = result.display.papers
    assert papers is not None
    usual = table == next(iter(papers.tables))
    if compared.own:
        names = [compared.own] if usual else []
    elif compared.row == papers.plain:
        names = [compared.row]
    else:
        names = [f"{compared.row}{suffix}" for suffix in papers.tables[table].suffixes]
    arm = next((name for name in names if name in result.arms.index), None)
    figures = result.figures[result.figures["arm"] == arm]
    return arm if figures[f"{compared.side}_difference"].notna().any() else None


@cache
def published(study: str) -> pd.DataFrame:
    """Read a study's ``papers.csv``: paper, source, row, set, name, figure, filtered, value, and key as in a study."""
    found = pd.read_csv(shipped(f"{folder_of(study)}/papers.csv"), dtype={"filtered": bool})
    marks = found["filtered"].map({True: f"/{FILTERED}", False: ""})
    return found.assign(key=found["set"] + "/" + found["figure"] + marks)


def beside_papers(result: StudyResult, compared: Compared, table: str = "") -> pd.DataFrame:
    """Return every metric of the papers or of the study, sorted by task.

    Args:
        result: the study.
        compared: the arms to compare.
        table: key of the papers' ``tables``; "": the usual one.

    Returns:
        key (that of the data set, also for expressions withheld from training), task, label; for each paper a column
        with its difference; difference, low, high, interval, mark, verdict: the study's; same: whether all have the
        same sign, "" if undecided or if only one is available. Missing values are NaN.
    """
    papers, display = result.display.papers, result.display
    assert papers is not None
    table = table or next(iter(papers.tables))
    row = compared.row + ("" if compared.row == papers.plain else papers.tables[table].suffix)
    every = published(result.definition.name)
    values = every.pivot(index="key", columns=["paper", "row"], values="value")
    parts = {
        paper: values[paper][row] - values[paper][compared.base] if row in values[paper] else pd.Series(dtype=float)
        for paper in papers.names
    }
    theirs = pd.DataFrame(parts).dropna(how="all")
    arm = own_arm(result, compared, table)
    ours = differences(result.of_arm(arm, None) if arm else result.figures[:0], compared.side)
    for part, replacement in papers.renamed.items():
        ours["key"] = ours["key"].str.replace(part, replacement)
    ours = ours.set_index("key")
    columns = ["difference", "low", "high", "seeds", "mean", "interval", "mark", "verdict"]
    found = ours[columns].join(theirs, how="outer")
    names = every.drop_duplicates("set").set_index("set")["name"]
    of_set, figure = (found.index.str.split("/").str[part] for part in (0, 1))
    found["task"] = [display.task(name) for name in figure]
    found["label"] = [
        f"{names.get(own, display.set(own))} · {display.metric(name)}"
        + (", filtered" if key.endswith(FILTERED) else "")
        for key, own, name in zip(found.index, of_set, figure, strict=True)
    ]
    theirs_of = zip(*(found[paper] for paper in papers.names), strict=True)
    none = 0.5 * 10**-papers.digits
    found["same"] = [_same_sign(each, them, none) for each, them in zip(found["verdict"], theirs_of, strict=True)]
    order = [*every["key"], *ours.index]
    found = found.sort_index(key=lambda keys: keys.map(order.index))
    found = found.sort_values("task", key=lambda own: own.map(list(display.tasks).index), kind="stable")
    return found.reset_index(names="key")


def paper_values(result: StudyResult) -> pd.DataFrame:
    """Return the papers' figures beside the study's means.

    Returns:
        One row per arm of the papers, indexed by its name in words; columns are pairs of a figure and a paper or
        ``"here"``. Missing values are NaN.
    """
    display, every = result.display, published(result.definition.name)
    ours = result.figures.assign(paper="here", row=result.figures["arm"])
    keys, rows = list(dict.fromkeys(every["key"])), list(dict.fromkeys(every["row"]))
    columns = ["row", "key", "paper"]
    values = pd.concat([every.assign(mean=every["value"])[[*columns, "mean"]], ours[[*columns, "mean"]]])
    table = values[values["key"].isin(keys)].pivot(index="row", columns=["key", "paper"], values="mean")
    papers = [*dict.fromkeys(every["paper"]), "here"]
    pairs = [(key, paper) for key in keys for paper in papers if (key, paper) in table]
    marks = every["filtered"].map({True: ", filtered", False: ""})
    names = dict(zip(every["key"], every["name"] + " · " + every["figure"].map(display.metric) + marks, strict=True))
    heads = [(names[key], paper) for key, paper in pairs]
    descriptions = result.definition.reported
    labels = [display.arm(row, descriptions[row].description if row in descriptions else "") for row in rows]
    return table.reindex(index=rows)[pairs].set_axis(labels).set_axis(pd.MultiIndex.from_tuples(heads), axis=1)


def _same_sign(verdict: str, papers: Sequence[float], none: float) -> str:
    """Whether a study's difference has the sign of the papers' differences, which have no intervals."""
    signs = {(value > 0) - (value < 0) for value in papers if abs(value) > none}
    sign = {Verdict.BETTER.value: 1, Verdict.WORSE.value: -1}.get(verdict)
    if sign is None or len(signs) != 1:
        return ""
    return "yes" if signs == {sign} else "no"


def _conditions(result: StudyResult) -> dict[str, object]:
    """Return the request without the fields in which comparable studies may differ."""
    free = (*_FREE, result.display.scarce.field if result.display.scarce else "")
    conditions = {name: value for name, value in result.request.items() if name not in free}
    return (
        conditions
        | {"study": result.definition.name}
        | {_STEPS: max(result.steps.values(), default=conditions.get(_STEPS))}
    )
