"""The Train view: few-shot training on a set, and its jobs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from fbn import compound
from fbn.data.picture_sets import PictureSet
from fbn.jobs import durations
from fbn.models import store
from fbn.ui import shell
from fbn.ui.compound.overview import read_set
from fbn.ui.compound.result_view import result_view
from fbn.ui.job_list import JobList
from fbn.ui.panels import SETS
from fbn.ui.widgets import choose_one, escape_markdown

#: Strategy -> title and description.
_STRATEGIES = {
    "probe": (
        "Linear probe",
        "A linear layer on the network's features is added to the zero-shot score; the network stays. Fastest.",
    ),
    "last_block": (
        "Last block",
        "Begins from the probe, then also trains the last block and the heads. Takes longer.",
    ),
    "whole": (
        "Whole network",
        "Begins from the probe, then trains everything. Takes longest; worth it from some hundred pictures on.",
    ),
}
_STRATEGY_HELP = "How much of the network may change. With few pictures the probe is hard to beat."
_ALL = "All"
_SHOTS = [_ALL, "20", "10", "5", "2", "1", "0"]
_SHOTS_HELP = (
    "Pictures of each class that are learned from, drawn at random. 0 is zero-shot: nothing is learned. The learning "
    "curve shows all of these in any case."
)
_AS_LABELLED = "as labelled"
_CLASSES_HELP = (
    "What the network chooses among. As labelled: the classes that the pictures have. A larger set: the others can be "
    "said too, zero-shot."
)


def training_view(picture_set: PictureSet) -> None:
    """Draw the form for a training, and the jobs."""
    with st.container(border=True):
        _request(picture_set)
    JOBS.watch()


def _request(picture_set: PictureSet) -> None:
    labelled, problem = read_set(picture_set)
    if labelled and len(labelled.classes) < 2:
        problem = "Label pictures of at least two classes first."
    left, middle, right = st.columns([5, 6, 5], gap="large")
    with left:
        st.markdown(f"**Learn from {escape_markdown(picture_set.name)}**")
        if problem or labelled is None:
            st.markdown(problem)
        else:
            st.markdown(f"{len(labelled.samples):,} labelled pictures of {len(labelled.classes)} classes")
        titles = {_AS_LABELLED: "As labelled", **SETS}
        classes = st.selectbox(
            "Classes",
            [_AS_LABELLED, *compound.names()],
            key="compound ask classes",
            format_func=lambda name: titles.get(name, f"{name}: your table"),
            help=_CLASSES_HELP,
        )
    with middle:
        names = {name: title for name, (title, _) in _STRATEGIES.items()}
        strategy = choose_one("What is trained", names, "compound ask strategy", help=_STRATEGY_HELP)
        title, description = _STRATEGIES[strategy]
        st.caption(description)
        duration = st.empty()
        shots = choose_one("Pictures a class", _SHOTS, "compound ask shots", help=_SHOTS_HELP)
    with right:
        models = list(store.names())
        model = st.selectbox(
            "Starting weights",
            models,
            models.index(shell.model_name()) if shell.model_name() in models else 0,
            key="compound ask model",
            help="The network that is begun with. One trained with couplings knows the action units that compounds "
            "are made of.",
        )
        numbered = (picture_set.name, *(f"{picture_set.name}-{i}" for i in range(2, len(models) + 2)))
        name = st.text_input(
            "Save as model",
            next(candidate for candidate in numbered if candidate not in models),
            key=f"compound ask name {picture_set.name}",
            max_chars=60,
            help="Live, Analyse and fbn analyse --model find it under this name. Leave it empty to measure only.",
        ).strip()
        replace = name in models and st.checkbox(
            f"Replace {escape_markdown(name)}",
            key="compound ask replace",
            help="A model of this name is there already.",
        )
    is_taken = name in models and not replace
    with st.container(horizontal=True, vertical_alignment="center"):
        # the button is placed before the popover whose settings it needs
        start = st.container(width="content")
        settings = _measurement_settings()
        st.caption(
            "Tick Replace, or save under another name."
            if is_taken
            else "It goes on when you leave this page or close the browser."
        )
    request = {
        "data": str(picture_set.source),
        "classes": None if classes == _AS_LABELLED else classes,
        "strategy": strategy,
        "shots": None if shots == _ALL else int(shots),
        "model": model,
        "name": name or None,
        "overwrite": bool(replace),
        **settings,
    }
    duration.caption(_known_duration(request))
    start.button(
        "Start learning",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(problem) or is_taken or model is None,
        on_click=partial(JOBS.start, f"{picture_set.name}: {title.lower()}", request),
    )
    JOBS.problem()


def _known_duration(request: Mapping[str, Any]) -> str:
    """Describe the duration of an earlier job with the same set and settings on this machine."""
    same = ("data", "strategy", "shots", "folds", "draws")

    def work(of: Mapping[str, Any]) -> float | None:
        return 1.0 if all(of.get(name) == request[name] for name in same) else None

    return durations.remembered("fewshot", work, 1.0)


def _measurement_settings() -> dict[str, Any]:
    with st.popover("Measurement", icon=":material/tune:"):
        folds = st.number_input(
            "Folds",
            2,
            20,
            5,
            key="compound ask folds",
            help="Without an official test part the pictures are dealt into so many parts; each is measured by what "
            "the others teach.",
        )
        draws = st.number_input(
            "Draws",
            1,
            50,
            5,
            key="compound ask draws",
            help="At each point of the learning curve pictures are drawn so often; the spread is the draws' and the "
            "pictures'.",
        )
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="compound ask seed", help="Same seed, same result.")
        crops = st.selectbox(
            "Pictures without a visible face",
            [None, True, False],
            key="compound ask crops",
            format_func={None: "By layout", True: "Use them", False: "Leave them out"}.__getitem__,
            help="By layout: used in RAF-DB's, whose pictures are crops of faces; else left out.",
        )
    return {"folds": int(folds), "draws": int(draws), "seed": int(seed), "crops": crops}


JOBS = JobList(
    kind="fewshot",
    key="compound job",
    title="What was learned",
    nothing=("Nothing yet. Start learning, and watch it here.", "school"),
    show=result_view,
)
