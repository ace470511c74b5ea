"""The form to run a study in the background: which study, how much of it, which arms, on which faces."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from fbn.errors import FbnError
from fbn.jobs import durations
from fbn.studies.display import Form
from fbn.studies.registry import STUDIES, StudyRequest, study_of
from fbn.studies.study import Study
from fbn.ui.job_list import JobList
from fbn.ui.widgets import choose_one


def request_form(jobs: JobList, opened: str) -> None:
    """Draw the form; its button starts the study in ``jobs``. At first it shows the study of the name ``opened``."""
    studies = {name: study for name in STUDIES if (study := study_of(name)).display.form}
    st.markdown("**Run a study**")
    st.caption(
        "Every row is a way of training; all rows of a seed meet the same pictures. You may leave this page meanwhile."
    )
    if opened in studies:
        st.session_state.setdefault("study ask study", opened)
    name = st.selectbox(
        "Study", list(studies), format_func=lambda name: studies[name].display.title or name, key="study ask study"
    )
    study = studies[name]
    form = study.display.form
    assert form is not None
    budget = choose_one(
        "How much",
        {name: name.capitalize() for name in form.budgets},
        f"study ask budget {name}",
        help=form.budget_help,
    )
    size = st.empty()
    rows = st.multiselect(
        "Rows",
        list(study.arms),
        list(form.arms),
        key=f"study ask rows {name}",
        placeholder="All of them",
        help=f"None chosen: all {len(study.arms)}. {_needed(study)}",
    )
    request: dict[str, Any] = {"budget": budget, "rows": rows, **_numbers(study, form, budget)}
    data = st.text_input(
        form.data_label,
        key=f"study ask data {name}",
        placeholder="a folder on this machine",
        help=form.data_help,
    ).strip()
    request["data"] = str(Path(data).expanduser().resolve()) if data else None
    size.caption(f"{form.budgets[budget]} {_size(study, request)}")
    faces = "real" if data else "drawn"
    title = f"{name.capitalize()}: {budget} study, {faces} faces, {len(rows) or len(study.arms)} rows"
    asked = {"study": name, "request": request}
    st.button("Start", type="primary", icon=":material/play_arrow:", on_click=partial(jobs.start, title, asked))
    jobs.problem()
    with st.expander("What the rows are", icon=":material/list:"):
        for group, heading in study.display.groups.items():
            lines = [f"- `{arm.name}` {arm.description}" for arm in study.arms.values() if arm.group == group]
            if lines:
                st.markdown(f"**{heading}**\n\n" + "\n".join(lines))


def _needed(study: Study) -> str:
    """Tell which arms others are compared with."""
    baselines = dict.fromkeys(arm.baseline for arm in study.arms.values() if arm.baseline)
    return f"Differences need “{next(iter(baselines))}” and single-task rows beside a coupling." if baselines else ""


def _numbers(study: Study, form: Form, budget: str) -> dict[str, Any]:
    """Draw the inputs of seeds and of the study's own fields; return field -> value, None for the budget's."""
    columns = st.columns(2)
    usual = study.budgets[budget].seeds
    seeds = columns[0].number_input(
        "Seeds",
        1,
        50,
        usual,
        key=f"study ask seeds {study.name} {budget}",
        help="Trainings of each row. The budget's own number is for architectures a smaller one.",
    )
    # None: the budget's number, which is smaller for slow rows
    values: dict[str, Any] = {"seeds": None if seeds == usual else int(seeds)}
    for place, (name, (label, text)) in enumerate(form.fields.items(), 1):
        with columns[place % 2]:
            field = study.request.model_fields[name]
            values[name] = _input(field, label, text, f"study ask {study.name} {name}")
    return values


def _input(field: FieldInfo, label: str, text: str, key: str) -> Any:
    """Draw the input of a field: buttons of its choices, or a whole number that may be left empty."""
    if choices := [choice for choice in get_args(field.annotation) if isinstance(choice, str)]:
        return choose_one(label, choices, key, field.default, help=text)
    limits = {name: value for each in field.metadata for name in ("ge", "le") if (value := getattr(each, name, None))}
    low, high = limits.get("ge", 1), limits.get("le", 100_000)
    value = st.number_input(label, low, high, None, key=key, placeholder="as usual", help=text)
    return None if value is None else int(value)


def _size(study: Study, asked: Mapping[str, Any]) -> str:
    """Describe the number of trainings and steps, and the duration estimated from an earlier study."""
    request = study.parse(asked)

    def work(of: Mapping[str, Any]) -> float | None:
        try:
            earlier = StudyRequest.model_validate(of)
        except (FbnError, ValidationError):
            return None
        own = earlier.request
        if earlier.study != study.name or own.steps or own.budget != request.budget:
            return None
        return len(own.runs) if bool(own.data) == bool(request.data) else None

    runs = len(request.runs)
    return f"{runs} trainings of {request.limits.steps} steps. {durations.remembered('study', work, runs)}"
