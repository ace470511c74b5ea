"""Studies as Markdown: tables for a paper or a note, and a sentence on each arm."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fbn.errors import FormatError
from fbn.studies.labels import SIDES, Verdict
from fbn.studies.read import StudyResult, differences
from fbn.vocabulary import ACTION_UNITS

#: Instead of a key of ``SIDES``: means and standard deviations, no difference.
MEANS = "means"


def by_figure(
    result: StudyResult, side: str, arms: Sequence[str] = (), figures: Sequence[str] = (), bootstrapped: bool = False
) -> str:
    """Arms by figures.

    Args:
        result: the study.
        side: a key of ``SIDES``, or ``MEANS``.
        arms: which; none: all.
        figures: which, as in ``runs.csv`` (``bp4d/f1``); none: all unfiltered.
        bootstrapped: the bootstrap's intervals, instead of Student's over seeds.

    Raises:
        FormatError: the study has no such arm or figure.
    """
    measures = result.measures
    keys = [_known(result, name) for name in figures] or list(map(str, measures.index[~measures["filtered"]]))
    cells = _cells(result.figures, side, bootstrapped).pivot(index="arm", columns="key", values="cell")
    return _table(
        "row", cells.reindex(index=_arms(result, arms), columns=keys), {key: result.measure(key) for key in keys}
    )


def by_name(result: StudyResult, side: str, arms: Sequence[str], figure: str) -> str:
    """AUs or expressions, one by one, by arms.

    Args:
        result: the study.
        side: as ``by_figure``.
        arms: which; none: all that have something to say.
        figure: as ``details.csv`` names it: ``bp4d/f1`` or ``bp4d/recall``.

    Raises:
        FormatError: the study has no such arm or figure, or no differences of AUs and expressions.
    """
    known = list(result.details["key"].unique())
    if figure not in known:
        raise FormatError(f"{result.folder} has no AUs or expressions of {figure}: expected one of {', '.join(known)}")
    own = result.details[result.details["key"] == figure]
    cells = _cells(own, side).pivot(index="name", columns="arm", values="cell")
    said = [arm for arm in _arms(result, arms) if arm in cells]
    if not said:
        what = "means" if side == MEANS else f"differences against {SIDES[side]}"
        raise FormatError(f"{result.folder}: these rows have no {what} of {figure}")
    return _table("name", cells.reindex(index=names_in_order(own), columns=said))


def by_study(
    results: Mapping[str, StudyResult],
    side: str,
    arms: Sequence[str] = (),
    figure: str = "",
    bootstrapped: bool = False,
) -> str:
    """Studies by arms, of one figure.

    Args:
        results: name -> study.
        side: as ``by_figure``.
        arms: which; none: those that couple and that all studies have.
        figure: as ``by_figure``; "": what the plan reads first in each.
        bootstrapped: as ``by_figure``.

    Raises:
        FormatError: a study has no such arm or figure, or there is none that is read first.
    """
    common = (
        arm for arm in next(iter(results.values())).coupled if all(arm in own.arms.index for own in results.values())
    )
    named = list(arms) or list(common)
    rows = {}
    for name, result in results.items():
        _arms(result, named)
        key = _known(result, figure) if figure else _first(name, result)
        cells = _cells(result.figures[result.figures["key"] == key], side, bootstrapped)
        label = f"{name}: {result.unit_labels:,} AU pictures, {result.measure(key)}"
        rows[label] = cells.set_index("arm")["cell"]
    return _table("study", pd.DataFrame(rows).T.reindex(index=list(rows), columns=named))


def count_verdicts(result: StudyResult, arm: str, side: str) -> str:
    """A sentence: the numbers of figures on which an arm is better and worse than ``side``, a key of ``SIDES``."""
    label, verdicts = result.label(arm), differences(result.of_arm(arm), side)["verdict"]
    if verdicts.empty and side == "uncoupled" and arm not in result.coupled:
        return f"**{label}** is what coupled arms are compared with."
    if verdicts.empty:
        return f"**{label}** is not compared with {SIDES[side]} in this study."
    better, worse, undecided = ((verdicts == each).sum() for each in Verdict)
    return (
        f"**{label}** is better than {SIDES[side]} on **{better}** of {len(verdicts)} figures and worse on "
        f"**{worse}**; on {undecided} it cannot be told."
    )


def names_in_order(details: pd.DataFrame) -> list[str]:
    """AUs as FACS numbers them, then expressions as they came."""
    there = list(details["name"].unique())
    order = [*(unit.short for unit in ACTION_UNITS), *there]
    return sorted(there, key=order.index)


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
    """The lines that have something to say, with it as ``cell``."""
    if side == MEANS:
        spreads = frame["sd"].map(lambda sd: "" if pd.isna(sd) else f" ± {sd:.3f}")
        return frame.assign(cell=frame["mean"].map(lambda mean: f"{mean:.3f}") + spreads)
    found = differences(frame, side, bootstrapped)
    return found.assign(cell=found["mark"] + " " + found["interval"])


def _table(corner: str, cells: pd.DataFrame, head: Mapping[str, str] | None = None) -> str:
    """Without the lines that have nothing to say. ``DataFrame.to_markdown`` would pad the cells."""
    said = cells.dropna(how="all").fillna("")
    names = [str(name) for name in said]
    lines = [[corner, *(head[name] if head else name for name in names)], ["---"] * (1 + len(names))]
    lines += [[str(name), *map(str, own)] for name, own in zip(said.index, said.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
