"""The Training view: compare networks trained with two tables, as a background job."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fbn.errors import FbnError
from fbn.jobs import durations
from fbn.resources import shipped
from fbn.studies.labels import verdict
from fbn.studies.tables import RESULT, rows
from fbn.studies.tables_request import TablesBudget
from fbn.training import recipe
from fbn.ui import charts
from fbn.ui.job_list import JobList
from fbn.ui.relatedness.tables import workshop
from fbn.ui.study.charts import forest_plot
from fbn.ui.widgets import choose_one, escape_markdown
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

_RECIPE = "coupled"
_STUDIES = "assets/studies/relatedness"
_SIZES: dict[str, tuple[str, dict[str, int]]] = {
    "quick": ("2 seeds", {"pictures": 2000, "held_out": 500, "steps": 250, "seeds": 2}),
    "full": ("5 seeds", {}),
}
#: Name in ``rows`` of the mean over the changed AUs.
_CHANGED = "F1 of changed AUs"
_METRICS = {
    _CHANGED: "Changed AUs, mean F1",
    "accuracy": "Expressions, accuracy",
    "mean_diagonal": "Expressions, mean diagonal",
    "f1": "AUs, mean F1",
    "auc": "AUs, mean ROC area",
    "ccc_valence": "Valence, CCC",
    "ccc_arousal": "Arousal, CCC",
    **{unit.short: f"{unit.short} {unit.name}" for unit in ACTION_UNIT_BY_NUMBER.values()},
}


def training_view() -> None:
    """Draw the form for a comparison, the jobs, and the comparisons shipped with fbn."""
    form, started = st.columns([7, 13], gap="large")
    with form:
        _form()
    with started:
        COMPARISONS.watch()
        _studies()


def _form() -> None:
    st.markdown("**Does the edit make a better network?**")
    st.caption(
        "Two small networks are trained alike on drawn faces, one with each table; few faces carry AU labels, so what "
        "the networks learn of AUs comes through the table. It goes on when you leave this page."
    )
    names, (base, edited) = workshop().choices(), workshop().usual_pair()
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
    size = choose_one("How much", {name: title for name, (title, _) in _SIZES.items()}, "rel job size")
    budget = TablesBudget.model_validate(_SIZES[size][1])
    work = st.empty()
    data = st.text_input(
        "Or on real faces: folder of data sets",
        key="rel job data",
        placeholder="a folder on this machine",
        help="Of the recipe's sets, those that lie in the folder are used; then nothing is drawn.",
    ).strip()
    recipes = recipe.names()
    recipe_name = st.selectbox(
        "Recipe",
        recipes,
        recipes.index(_RECIPE),
        key="rel job recipe",
        help="How both are trained. “coupled” is the smallest; the others are larger, and meant for real faces.",
    )
    work.caption(_size(budget, recipe_name, bool(data)))
    if first == second:
        st.caption("Choose two tables that differ.")
    st.button(
        "Start the comparison",
        type="primary",
        icon=":material/play_arrow:",
        disabled=first == second,
        on_click=partial(_start, first, second, None if truth == truths[0] else truth, size, data, recipe_name),
    )
    COMPARISONS.problem()


def _size(budget: TablesBudget, name: str, real: bool) -> str:
    """Describe the amount of training, and the duration of an earlier comparison on this machine."""

    def work(earlier: Mapping[str, Any]) -> float | None:
        if bool(earlier.get("data")) != real or earlier.get("recipe") != recipe.read(name).model_dump(mode="json"):
            return None
        done = TablesBudget.model_validate(earlier["budget"])
        return done.seeds * done.steps

    faces = "" if real else f" on {budget.pictures:,} faces"
    duration = durations.remembered("compare", work, budget.seeds * budget.steps)
    return f"{2 * budget.seeds} trainings of {budget.steps} steps{faces}. {duration}"


def _start(first: str, second: str, truth: str | None, size: str, data: str, name: str) -> None:
    try:
        tables = {"base": workshop().table_of(first), "edited": workshop().table_of(second)}
        if truth and not data:
            tables["truth"] = workshop().table_of(truth)
    except FbnError as error:
        COMPARISONS.set_problem(str(error))
        return
    request: dict[str, Any] = {
        "names": (first, second),
        "budget": _SIZES[size][1],
        "data": data or None,
        "recipe": name,
    }
    COMPARISONS.start(f"{first} against {second}", tables | request)


def _studies() -> None:
    """Show the comparisons shipped with fbn, with their plan, which was fixed before they ran."""
    try:
        folder = shipped(_STUDIES)
    except FbnError:
        return
    st.markdown("**Shipped with fbn**", help="Planned before it ran; whatever came out is shown.")
    for path in sorted(folder.rglob(RESULT)):
        with st.container(border=True):
            st.markdown(f"**{escape_markdown(path.parent.name.replace('-', ' ').capitalize())}**")
            show_result(json.loads(path.read_bytes()), path.parent.name)
    for path in sorted(folder.rglob("*.md")):
        with st.expander("The plan", icon=":material/assignment:"):
            # the title of the page is its only first-level heading
            st.markdown(re.sub(r"^#", "####", path.read_text("utf-8"), flags=re.MULTILINE))


def show_result(result: Mapping[str, Any], key: str) -> None:
    """Show the result of a comparison: a summary, differences with their intervals, and all metrics."""
    st.markdown(sentence(result))
    for line in cells(result):
        st.markdown(f"- {line}")
    alt = "Differences between the two tables with their intervals; All figures has the numbers."
    st.plotly_chart(differences(result), config=charts.CONFIG, key=f"rel differences {key}", alt=alt)
    with st.expander("All figures", icon=":material/table:"):
        st.dataframe(figures(result), hide_index=True)


def sentence(result: Mapping[str, Any]) -> str:
    """Return a sentence on whether the edited table improved the F1 of the changed AUs."""
    scores, (base, edited) = result["changed_units"], result["comparison"]["names"]
    changed = ", ".join(dict.fromkeys(f"AU{cell['action_unit']}" for cell in result["changed"]))
    if scores is None:
        return f"None of the changed AUs ({changed}) was active often enough in the held-out faces to be scored."
    seeds = len(scores["differences"])
    change = f"mean F1 on the changed AUs ({changed}) {scores['base']:.3f} → {scores['edited']:.3f}"
    if scores["low"] is None:
        return f"**{change}**, one seed: no telling whether that is chance."
    interval = f"95 % interval {scores['low']:+.3f} to {scores['high']:+.3f}"
    spread = f"difference {scores['difference']:+.3f}, {interval}, {seeds} seeds"
    outcome = "makes no difference that these runs can tell"
    if scores["low"] > 0:
        outcome = "is better"
    elif scores["high"] < 0:
        outcome = "is worse"
    return (
        f"Training with **{escape_markdown(edited)}** instead of {escape_markdown(base)} **{outcome}**: {change} "
        f"({spread})."
    )


def cells(result: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each changed cell: how often each network predicts the AU in faces of the expression, and
    how often it is active."""
    lines = []
    for name, rates in result["cells"].items():
        expression, _, unit = name.rpartition(" ")
        base = f"{rates['base']:.0%} of faces of {expression} with the base table"
        edited = f"{rates['edited']:.0%} with the edited one"
        lines.append(f"{unit} is seen in {base}, in {edited}; it is there in {rates['true']:.0%}.")
    return lines


def differences(result: Mapping[str, Any]) -> go.Figure:
    """Draw edited minus base of every metric, with its interval and every seed; changed AUs are in bold."""
    single = {**result["tasks"], **result["units"], _CHANGED: result["changed_units"]}
    frame = pd.DataFrame(rows(result)).astype({"low": float, "high": float})
    names = frame["figure"].map(lambda name: _METRICS.get(name, name))
    return forest_plot(
        frame.assign(
            label=names.where(~frame["changed"], "<b>" + names + "</b>"),
            verdict=[verdict(low, high).value for low, high in zip(frame["low"], frame["high"], strict=True)],
            hover=[f"{name}: {value:+.3f}" for name, value in zip(names, frame["difference"], strict=True)],
            seeds_at=[single[name]["differences"] for name in frame["figure"]],
        ),
        "edited − base",
    )


def figures(result: Mapping[str, Any]) -> pd.DataFrame:
    """Return every metric for both tables, with difference, standard deviation over seeds, interval, and chance."""
    names = {"figure": "Figure", "base": "Base", "edited": "Edited", "difference": "Difference", "sd": "SD"}
    names |= {"low": "95 % from", "high": "to", "chance": "Chance"}
    frame = pd.DataFrame(rows(result))[list(names)].rename(columns=names).round(3)
    return frame.assign(Figure=[_METRICS.get(name, name) for name in frame["Figure"]])


COMPARISONS = JobList(
    kind="compare",
    key="rel job",
    title="Comparisons",
    nothing=("None yet. Start one, and watch it here.", "science"),
    show=lambda job, result: show_result(result, job.id),
)
