"""What an edit does after training: start a comparison as a job, watch it, see what came out with its spread."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from fbn.errors import FbnError
from fbn.jobs import durations
from fbn.resources import shipped
from fbn.studies.tables import RESULT
from fbn.studies.tables_request import TablesBudget
from fbn.training import recipe
from fbn.ui import charts
from fbn.ui.job_list import JobList
from fbn.ui.relatedness.draft import plain
from fbn.ui.relatedness.results import cells, differences, figures, sentence
from fbn.ui.relatedness.state import choices, table_of, usual

_RECIPE = "coupled"
_STUDIES = "assets/studies/relatedness"
_SIZES: dict[str, tuple[str, dict[str, int]]] = {
    "quick": ("2 seeds", {"pictures": 2000, "held_out": 500, "steps": 250, "seeds": 2}),
    "full": ("5 seeds", {}),
}


def training_view() -> None:
    """Asking for a comparison, and all that were asked for."""
    asking, asked = st.columns([7, 13], gap="large")
    with asking:
        _ask()
    with asked:
        COMPARISONS.watch()
        _studies()


def _ask() -> None:
    st.markdown("**Does the edit make a better network?**")
    st.caption(
        "Two small networks are trained alike on drawn faces, one with each table; few faces carry AU labels, so what "
        "the networks learn of AUs comes through the table. It goes on when you leave this page."
    )
    names, (base, edited) = choices(), usual()
    first = st.selectbox("Base", names, names.index(base), key="rel job base")
    second = st.selectbox("Edited", names, names.index(edited), key="rel job edited")
    truths = ["As edited", *names]
    truth = st.selectbox(
        "Faces are made by",
        truths,
        key="rel job truth",
        help="The table that decides which AUs the drawn faces show. The edited one: what is the edit worth if it is "
        "right? The base: what does it cost if it is wrong?",
    )
    size = st.segmented_control(
        "How much", list(_SIZES), default="quick", required=True, format_func=lambda s: _SIZES[s][0], key="rel job size"
    )
    budget = TablesBudget.model_validate(_SIZES[size or "quick"][1])
    words = st.empty()
    data = st.text_input(
        "Or on real faces: folder of data sets",
        key="rel job data",
        placeholder="a folder on this machine",
        help="Of the recipe's sets, those that lie in the folder are used; then nothing is drawn.",
    ).strip()
    recipes = recipe.names()
    how = st.selectbox(
        "Recipe",
        recipes,
        recipes.index(_RECIPE),
        key="rel job recipe",
        help="How both are trained. “coupled” is the smallest; the others are larger, and meant for real faces.",
    )
    words.caption(_size(budget, how, bool(data)))
    if first == second:
        st.caption("Choose two tables that differ.")
    st.button(
        "Start the comparison",
        type="primary",
        icon=":material/play_arrow:",
        disabled=first == second,
        on_click=partial(_start, first, second, None if truth == truths[0] else truth, size or "quick", data, how),
    )
    COMPARISONS.problem()


def _size(budget: TablesBudget, how: str, real: bool) -> str:
    """How much there is to do, and how long that takes here where such a comparison was run before."""

    def work(of: Mapping[str, Any]) -> float | None:
        if bool(of.get("data")) != real or of.get("recipe") != recipe.read(how).model_dump(mode="json"):
            return None
        done = TablesBudget.model_validate(of["budget"])
        return done.seeds * done.steps

    faces = "" if real else f" on {budget.pictures:,} faces"
    known = durations.remembered("compare", work, budget.seeds * budget.steps)
    return f"{2 * budget.seeds} trainings of {budget.steps} steps{faces}. {known}"


def _start(first: str, second: str, truth: str | None, size: str, data: str, how: str) -> None:
    try:
        tables = {"base": table_of(first), "edited": table_of(second)}
        if truth and not data:
            tables["truth"] = table_of(truth)
    except FbnError as error:
        COMPARISONS.refuse(str(error))
        return
    asked: dict[str, Any] = {
        **tables,
        "names": (first, second),
        "budget": _SIZES[size][1],
        "data": data or None,
        "recipe": how,
    }
    COMPARISONS.start(f"{first} against {second}", asked)


def _studies() -> None:
    """The comparisons that ship with fbn: their plan was fixed before they ran, and whatever came out is shown."""
    try:
        folder = shipped(_STUDIES)
    except FbnError:
        return
    st.markdown("**Shipped with fbn**", help="Planned before it ran; whatever came out is shown.")
    for path in sorted(folder.rglob(RESULT)):
        with st.container(border=True):
            st.markdown(f"**{plain(path.parent.name.replace('-', ' ').capitalize())}**")
            show_result(json.loads(path.read_bytes()), path.parent.name)
    for path in sorted(folder.rglob("*.md")):
        with st.expander("The plan", icon=":material/assignment:"):
            # a page has one heading of the first rank, its own
            st.markdown(re.sub(r"^#", "####", path.read_text("utf-8"), flags=re.MULTILINE))


def show_result(result: Mapping[str, Any], key: str) -> None:
    """What came out of a comparison: a sentence, differences with their intervals, and every figure."""
    st.markdown(sentence(result))
    for line in cells(result):
        st.markdown(f"- {line}")
    said = "Differences between the two tables with their intervals; All figures has the numbers."
    st.plotly_chart(differences(result), config=charts.CONFIG, key=f"rel differences {key}", alt=said)
    with st.expander("All figures", icon=":material/table:"):
        st.dataframe(figures(result), hide_index=True)


COMPARISONS = JobList(
    kind="compare",
    key="rel job",
    title="Comparisons",
    nothing=("None yet. Start one, and watch it here.", "science"),
    show=lambda job, result: show_result(result, job.id),
)
