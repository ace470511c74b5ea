"""Helpers shared by the views of the Study page: the open study, pickers, legends, plots and notes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fbn import jobs
from fbn.errors import FbnError
from fbn.studies.committed import committed
from fbn.studies.folder import SUMMARY
from fbn.studies.labels import Verdict
from fbn.studies.read import StudyResult
from fbn.studies.registry import STUDIES, study_of
from fbn.ui.charts import CONFIG
from fbn.ui.palette import ACCENT, SECOND
from fbn.ui.study.charts import ARM_SYMBOLS, COLOURS, MAX_SERIES, forest_plot, x_range_of
from fbn.ui.widgets import choose_one, pick

OPEN, VIEW, PATHS, PROBLEM = "study open", "study view", "study paths", "study problem"
#: The first view.
FOUND = "What was found"
INTERVAL_HELP = (
    "Differences are paired: both networks met the same pictures on a seed. Bars are Student's 95 % intervals over "
    "seeds; a difference is called better or worse where that leaves out 0. Of twenty such intervals one misses 0 by "
    "chance. Point at a mark for a second interval, a bootstrap over seeds and held-out people (pictures, in studies "
    "of drawn faces from before version 0.6)."
)
ARM_HELP = "An arm is one way of training. Its short name, as in the files, stands under “What was trained, on what”."


def choices() -> dict[str, tuple[str, Path]]:
    """Return title and folder of each study: those shipped with fbn, opened folders, finished jobs.

    The keys are the values of the URL parameter.
    """
    _open_named()
    studies = {name: (f"{_committed_title(name)} (ships with fbn)", folder) for name, folder in committed()}
    studies |= {str(path): (f"{path.name} (folder)", path) for path in st.session_state.get(PATHS, [])}
    try:
        done = [job for job in jobs.jobs() if job.kind == "study" and job.status == "done"]
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        done = []
    return studies | {job.id: (f"{job.title}, {job.created.astimezone():%d %b %H:%M}", job.folder) for job in done}


def _committed_title(name: str) -> str:
    """Return the title of a committed study, whose name begins with the study's unless it is the first."""
    study, _, rest = name.partition("/")
    if study in STUDIES and rest:
        return f"{study_of(study).display.title or study.capitalize()}: {rest.replace('-', ' ').replace('/', ', ')}"
    return name.replace("-", " ").replace("/", ", ").capitalize()


def _open_named() -> None:
    """Open the folder named in the URL, after a reload or from a link."""
    path, opened = Path(st.query_params.get("study", "")), st.session_state.get(PATHS, [])
    if path.is_absolute() and path not in opened and (path / SUMMARY).is_file():
        st.session_state[PATHS] = [*opened, path]


def pick_study(studies: Mapping[str, tuple[str, Path]]) -> Path:
    """Draw the picker; return the study's folder. ``studies`` must not be empty."""
    pick(
        st.selectbox,
        "Study",
        OPEN,
        lambda: st.session_state.update({PROBLEM: ""}),
        options=list(studies),
        format_func=lambda key: studies[key][0],
        width=420,
        help="Those that ship with fbn, folders opened here, and studies run here.",
    )
    return studies[st.session_state[OPEN]][1]


def open_study(key: str) -> None:
    """Open a study. Only valid in callbacks, before the page's widgets are drawn."""
    st.session_state.update({OPEN: key, VIEW: FOUND})


def open_folder() -> None:
    """Draw the form to open a study's folder on this machine."""
    with st.popover("Open a folder", icon=":material/folder_open:"), st.form("study folder", border=False):
        st.text_input("Folder that fbn study wrote", key="study path", placeholder="runs/affect-synthetic-small")
        st.form_submit_button("Open it", type="primary", on_click=_open)


def _open() -> None:
    st.session_state[PROBLEM] = ""
    if not (named := st.session_state["study path"].strip()):
        st.session_state[PROBLEM] = "Name a folder first."
        return
    path = Path(named).expanduser().resolve()
    try:
        StudyResult.read(path)
    except FbnError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[PATHS] = list(dict.fromkeys([*st.session_state.get(PATHS, []), path]))
    open_study(str(path))


def sides_of(result: StudyResult, frame: pd.DataFrame) -> dict[str, str]:
    """Return the kinds of differences in metrics or details -> what arms are compared with."""
    return {side: title for side, title in result.display.sides.items() if frame[f"{side}_difference"].notna().any()}


def pick_side(result: StudyResult, key: str) -> str:
    """Draw the choice of what arms are compared with; return ``"uncoupled"`` or ``"single"``."""
    sides = sides_of(result, result.figures) or dict(result.display.sides)
    titles = {side: title.capitalize() for side, title in sides.items()}
    return choose_one("Against", titles, key, help=result.display.side_help or None)


def pick_arms(result: StudyResult, available: Iterable[str], key: str) -> list[str]:
    """Draw the choice of arms, by default the baselines and the main arm; return them, those of the tasks first."""
    options = [arm for arm in result.arms.index if arm in set(available)]
    first = next(iter(result.main_arms), "")
    tasks = list(result.arms.index[result.arms["group"] == "tasks"])
    known = result.definition.reported.get(first)
    usual = dict.fromkeys((*((known.baseline, known.reference) if known else ()), *tasks, first))
    picked = st.multiselect(
        "Arms",
        options,
        [arm for arm in usual if arm in options] or options[:2],
        format_func=result.label,
        max_selections=MAX_SERIES,
        key=key,
        help=f"{ARM_HELP} At most {MAX_SERIES}: more cannot be told apart.",
    )
    return sorted(picked, key=lambda arm: arm not in tasks)


def legend(extra_columns: Sequence[str] = (), seeds: bool = False, arms: Sequence[str] = ()) -> None:
    """Draw the legend of a forest plot.

    Args:
        extra_columns: names of further differences, as in ``forest_plot``.
        seeds: whether there are ticks for single seeds.
        arms: names of arms that share lines.
    """
    signs = [(each.mark, COLOURS[each.value], each.value) for each in Verdict]
    if arms:
        signs = [(sign, "inherit", arm) for sign, arm in zip(ARM_SYMBOLS.values(), arms, strict=False)]
        meanings = ("better: the interval lies above 0", "worse: below 0", "hollow, cannot be told: it holds 0")
        signs += [("■", COLOURS[each.value], text) for each, text in zip(Verdict, meanings, strict=True)]
    signs += [(sign, colour, name) for name, sign, colour in zip(extra_columns, "◇□", (ACCENT, SECOND), strict=False)]
    big = "font-size:1.15rem;line-height:1;margin-right:.15rem"
    parts = [f'<span><b style="color:{colour};{big}">{sign}</b>{escape(name)}</span>' for sign, colour, name in signs]
    parts.append("<span>bars: 95 % intervals" + (", ticks: single seeds" if seeds else "") + "</span>")
    style = "display:flex;flex-wrap:wrap;align-items:center;gap:.2rem 1.2rem;font-size:.82rem"
    st.html(f'<div style="{style}">{"".join(parts)}</div>')


def note(text: str, key: str) -> None:
    """Show Markdown of a study's note; wide tables scroll, long commands are wrapped."""
    st.html("<style>[class*=st-key-study-note]{overflow-x:auto;overflow-wrap:anywhere}</style>")
    with st.container(key=f"study-note-{key}"):
        # the title of the page is its only first-level heading
        st.markdown(re.sub(r"^#+", lambda match: "#" * min(6, len(match[0]) + 3), text, flags=re.MULTILINE))


def plot(figure: go.Figure, key: str, alt: str) -> None:
    """Show a plot without Plotly's tool bar."""
    st.plotly_chart(figure, config=CONFIG, key=f"study {key}", alt=alt)


def forest_plots(result: StudyResult, frames: Mapping[str, pd.DataFrame], side: str) -> None:
    """Draw a forest plot of each frame under its title, two in a row, on one scale."""
    other = result.display.against(side)
    x_range, axis = x_range_of(frames.values()), f"difference from {other}"
    titles = list(frames)
    for start in range(0, len(titles), 2):
        columns = st.columns(min(2, len(titles)), gap="large")
        for column, title in zip(columns, titles[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{title}**")
                if frames[title].empty:
                    st.caption(f"None of these arms is compared with {other}.")
                    continue
                plot(
                    forest_plot(frames[title], axis, x_range=x_range),
                    f"forest {title} {side}",
                    f"{title}: {axis}, 95 % intervals.",
                )
