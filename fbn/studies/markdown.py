"""Studies as Markdown: tables for a paper or a note, and a sentence about each arm."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fbn.errors import FormatError
from fbn.studies.labels import Verdict
from fbn.studies.read import StudyResult, differences

#: Alternative to the two kinds of differences: means and standard deviations instead of differences.
MEANS = "means"


def by_figure(
    result: StudyResult, side: str, arms: Sequence[str] = (), figures: Sequence[str] = (), bootstrapped: bool = False
) -> str:
    """Return a Markdown table of arms by metrics.

    Args:
        result: the study.
        side: ``"uncoupled"`` (differences to the baseline), ``"single"`` (to the reference), or ``MEANS``.
        arms: names of arms; empty: all.
        figures: keys of metrics as in ``runs.csv`` (``bp4d/f1``); empty: all unfiltered.
        bootstrapped: use bootstrap intervals instead of Student's over seeds.

    Raises:
        FormatError: an arm or metric is unknown.
    """
    measures = result.measures
    keys = [_known(result, name) for name in figures] or list(map(str, measures.index[~measures["filtered"]]))
    cells = _cells(result.figures, side, bootstrapped).pivot(index="arm", columns="key", values="cell")
    return _table(
        "row", cells.reindex(index=_arms(result, arms), columns=keys), {key: result.measure(key) for key in keys}
    )


def by_name(result: StudyResult, side: str, arms: Sequence[str], figure: str) -> str:
    """Return a Markdown table of single AUs, expressions, attributes and so on by arms.

    Args:
        result: the study.
        side: see ``by_figure``.
        arms: names of arms; empty: all that have values.
        figure: a figure of ``details.csv``, e.g. ``bp4d/f1`` or ``bp4d/recall``.

    Raises:
        FormatError: an arm or metric is unknown, or has no single values.
    """
    known = list(result.details["key"].unique())
    if figure not in known:
        raise FormatError(f"{result.folder} has no single values of {figure}: expected one of {', '.join(known)}")
    details = result.details[result.details["key"] == figure]
    cells = _cells(details, side).pivot(index="name", columns="arm", values="cell")
    with_values = [arm for arm in _arms(result, arms) if arm in cells]
    if not with_values:
        what = "means" if side == MEANS else f"differences against {result.display.against(side)}"
        raise FormatError(f"{result.folder}: these rows have no {what} of {figure}")
    return _table("name", cells.reindex(index=names_in_order(result, details), columns=with_values))


def by_study(
    results: Mapping[str, StudyResult],
    side: str,
    arms: Sequence[str] = (),
    figure: str = "",
    bootstrapped: bool = False,
) -> str:
    """Return a Markdown table of studies by arms, for one metric.

    Args:
        results: name -> study.
        side: see ``by_figure``.
        arms: names of arms; empty: the coupled arms that all studies have.
        figure: see ``by_figure``; "": the main metric of each study.
        bootstrapped: see ``by_figure``.

    Raises:
        FormatError: an arm or metric is unknown, or a study has no main metric.
    """
    common = (
        arm for arm in next(iter(results.values())).coupled if all(arm in each.arms.index for each in results.values())
    )
    named = list(arms) or list(common)
    rows = {}
    for name, result in results.items():
        _arms(result, named)
        key = _known(result, figure) if figure else _first(name, result)
        cells = _cells(result.figures[result.figures["key"] == key], side, bootstrapped)
        scarce = result.display.scarce
        pictures = f"{result.scarce_labels:,} {scarce.name} pictures, " if scarce else ""
        rows[f"{name}: {pictures}{result.measure(key)}"] = cells.set_index("arm")["cell"]
    return _table("study", pd.DataFrame(rows).T.reindex(index=list(rows), columns=named))


def count_verdicts(result: StudyResult, arm: str, side: str) -> str:
    """Return a sentence with the numbers of metrics on which an arm is better and worse than ``side``."""
    label, other = result.label(arm), result.display.against(side)
    verdicts = differences(result.of_arm(arm), side)["verdict"]
    if verdicts.empty and side == "uncoupled" and arm not in result.coupled:
        return f"**{label}** is what coupled arms are compared with."
    if verdicts.empty:
        return f"**{label}** is not compared with {other} in this study."
    better, worse, undecided = ((verdicts == each).sum() for each in Verdict)
    return (
        f"**{label}** is better than {other} on **{better}** of {len(verdicts)} figures and worse on "
        f"**{worse}**; on {undecided} it cannot be told."
    )


def names_in_order(result: StudyResult, details: pd.DataFrame) -> list[str]:
    """Return the names in ``details`` in the study's order, such as AUs by FACS number."""
    names = list(details["name"].unique())
    order = [*result.display.parts, *names]
    return sorted(names, key=order.index)


def _first(name: str, result: StudyResult) -> str:
    keys = result.first_keys(next(iter(result.main_arms), ""))
    if not keys:
        raise FormatError(f"{name}: nothing that is read first; name a figure")
    return keys[0]


def _known(result: StudyResult, key: str) -> str:
    known = result.measures.index
    if key not in known:
        raise FormatError(f"{result.folder} has no figure {key}: expected one of {', '.join(known)}")
    return key


def _arms(result: StudyResult, arms: Sequence[str]) -> list[str]:
    known = list(result.arms.index)
    if unknown := [arm for arm in arms if arm not in known]:
        raise FormatError(f"{result.folder} has no rows {', '.join(unknown)}: it has {', '.join(known)}")
    return list(arms) or known


def _cells(frame: pd.DataFrame, side: str, bootstrapped: bool = False) -> pd.DataFrame:
    """Return the rows with values, with their text in the column ``cell``."""
    if side == MEANS:
        spreads = frame["sd"].map(lambda sd: "" if pd.isna(sd) else f" ± {sd:.3f}")
        return frame.assign(cell=frame["mean"].map(lambda mean: f"{mean:.3f}") + spreads)
    found = differences(frame, side, bootstrapped)
    return found.assign(cell=found["mark"] + " " + found["interval"])


def _table(corner: str, cells: pd.DataFrame, head: Mapping[str, str] | None = None) -> str:
    """Return a Markdown table without empty rows; ``DataFrame.to_markdown`` would pad the cells."""
    rows = cells.dropna(how="all").fillna("")
    names = [str(name) for name in rows]
    lines = [[corner, *(head[name] if head else name for name in names)], ["---"] * (1 + len(names))]
    lines += [[str(name), *map(str, row)] for name, row in zip(rows.index, rows.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
