"""What the Study page's views share."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fbn.studies.affect_arms import ARMS, SINGLE, UNCOUPLED
from fbn.studies.labels import SIDE_HELP, SIDES, Verdict
from fbn.studies.read import StudyResult, differences
from fbn.ui import charts
from fbn.ui.palette import ACCENT, SECOND
from fbn.ui.study.charts import ARM_SYMBOLS, COLOURS, MOST_SERIES, forest, span_of

INTERVAL_HELP = (
    "Differences are paired: both networks met the same pictures on a seed. Bars are Student's 95 % intervals over "
    "seeds; a difference is called better or worse where that leaves out 0. Of twenty such intervals one misses 0 by "
    "chance. Point at a mark for a second interval, a bootstrap over seeds and held-out people (pictures, in studies "
    "of drawn faces from before version 0.6)."
)
ARM_HELP = "An arm is one way of training. Its short name, as in the files, stands under “What was trained, on what”."


def pick_side(key: str) -> str:
    """What differences are told against, a key of ``SIDES``."""
    found = st.segmented_control(
        "Against",
        list(SIDES),
        default="uncoupled",
        required=True,
        format_func=lambda side: SIDES[side].capitalize(),
        key=key,
        help=SIDE_HELP,
    )
    return found or "uncoupled"


def pick_arms(result: StudyResult, there: Iterable[str], key: str) -> list[str]:
    """Which arms are drawn: what others are compared with, then the papers' best, unless others are picked."""
    known = [arm for arm in result.arms.index if arm in set(there)]
    first = next(iter(result.main_arms), "")
    wanted = dict.fromkeys((UNCOUPLED, SINGLE, (ARMS[first].baseline or "") if first in ARMS else "", first))
    picked = st.multiselect(
        "Arms",
        known,
        [arm for arm in wanted if arm in known] or known[:2],
        format_func=result.label,
        max_selections=MOST_SERIES,
        key=key,
        help=f"{ARM_HELP} At most {MOST_SERIES}: more cannot be told apart.",
    )
    return sorted(picked, key=lambda arm: arm not in (UNCOUPLED, SINGLE))


def compared(result: StudyResult, frame: pd.DataFrame, side: str, seeds: bool = True) -> pd.DataFrame:
    """Differences as ``charts.forest`` takes them, but for ``label``; ``seeds``: with single seeds' ones."""
    found = differences(frame, side)
    if found.empty:
        return found.assign(hover="")
    arms = found["arm"].map(result.arms["label"]) + " (" + found["arm"] + ")"
    hover = arms + "<br>" + found["interval"] + ", " + found["seeds"].astype(str) + " seeds"
    hover += "<br>value " + found["mean"].map(lambda value: f"{value:.3f}")
    if "chance" in found:
        low, high = (found[f"{side}_boot_{end}"].map(lambda value: f"{value:+.3f}") for end in ("low", "high"))
        hover += (
            "; chance " + found["chance"].map(lambda value: f"{value:.3f}") + "<br>bootstrap: " + low + " to " + high
        )
    found["hover"] = hover
    if seeds:
        ticks = result.seed_differences(side)
        found["seeds_at"] = [ticks.get(each, []) for each in zip(found["arm"], found["key"], strict=True)]
    return found


def count_verdicts(result: StudyResult, arm: str, side: str) -> str:
    """On how many figures an arm is better and worse than a side; a sentence in Markdown."""
    label, found = result.label(arm), differences(result.of_arm(arm), side)["verdict"]
    if found.empty and side == "uncoupled" and arm not in result.coupled:
        return f"**{label}** is what coupled arms are compared with."
    if found.empty:
        return f"**{label}** is not compared with {SIDES[side]} in this study."
    better, worse, open_ = ((found == each).sum() for each in Verdict)
    return (
        f"**{label}** is better than {SIDES[side]} on **{better}** of {len(found)} figures and worse on **{worse}**; "
        f"on {open_} it cannot be told."
    )


def legend(marks: Sequence[str] = (), seeds: bool = False, arms: Sequence[str] = ()) -> None:
    """What a forest plot's signs mean: of further ``marks``, of single seeds' ticks, of ``arms`` on one line."""
    signs = [(each.mark, COLOURS[each.value], each.value) for each in Verdict]
    if arms:
        signs = [(sign, "inherit", arm) for sign, arm in zip(ARM_SYMBOLS.values(), arms, strict=False)]
        words = ("better: the interval lies above 0", "worse: below 0", "hollow, cannot be told: it holds 0")
        signs += [("■", COLOURS[each.value], told) for each, told in zip(Verdict, words, strict=True)]
    signs += [(sign, colour, name) for name, sign, colour in zip(marks, "◇□", (ACCENT, SECOND), strict=False)]
    big = "font-size:1.15rem;line-height:1;margin-right:.15rem"
    parts = [f'<span><b style="color:{colour};{big}">{sign}</b>{escape(name)}</span>' for sign, colour, name in signs]
    parts.append("<span>bars: 95 % intervals" + (", ticks: single seeds" if seeds else "") + "</span>")
    style = "display:flex;flex-wrap:wrap;align-items:center;gap:.2rem 1.2rem;font-size:.82rem"
    st.html(f'<div style="{style}">{"".join(parts)}</div>')


def note(text: str, key: str) -> None:
    """What a person wrote on a study, as Markdown; its wide tables and commands scroll or break."""
    st.html("<style>[class*=st-key-study-note]{overflow-x:auto;overflow-wrap:anywhere}</style>")
    with st.container(key=f"study-note-{key}"):
        # a page has one heading of the first rank, its own
        st.markdown(re.sub(r"^#+", lambda marks: "#" * min(6, len(marks[0]) + 3), text, flags=re.MULTILINE))


def plot(figure: go.Figure, key: str, alt: str) -> None:
    """A plot without Plotly's tool bar."""
    st.plotly_chart(figure, config=charts.CONFIG, key=f"study {key}", alt=alt)


def forests(frames: Mapping[str, pd.DataFrame], side: str) -> None:
    """Title -> differences from a side, as ``forest`` takes them: two plots in a row, on one scale."""
    span, axis = span_of(frames.values()), f"difference from {SIDES[side]}"
    titles = list(frames)
    for start in range(0, len(titles), 2):
        columns = st.columns(min(2, len(titles)), gap="large")
        for column, title in zip(columns, titles[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{title}**")
                if frames[title].empty:
                    st.caption(f"None of these arms is compared with {SIDES[side]}.")
                    continue
                plot(
                    forest(frames[title], axis, span=span),
                    f"forest {title} {side}",
                    f"{title}: {axis}, 95 % intervals.",
                )
