"""Learning from a set: what to ask for, the jobs, and what came out of the one that is open."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from fbn import compound
from fbn.data.compound import read_labels
from fbn.errors import FbnError
from fbn.jobs import durations
from fbn.models import store
from fbn.ui import shell
from fbn.ui.compound.result_view import result_view
from fbn.ui.compound.sets import PictureSet
from fbn.ui.job_list import JobList
from fbn.ui.panels import SETS
from fbn.ui.widgets import escape_markdown as plain

_STRATEGIES = {"probe": "Linear probe", "last_block": "Last block", "whole": "Whole network"}
_STRATEGY_WORDS = {
    "probe": "A linear layer on the network's features is added to the zero-shot score; the network stays. Fastest.",
    "last_block": "Begins from the probe, then also trains the last block and the heads. Takes longer.",
    "whole": "Begins from the probe, then trains everything. Takes longest; worth it from some hundred pictures on.",
}
_STRATEGY_HELP = "How much of the network may change. With few pictures the probe is hard to beat."
_ALL = "All"
_SHOTS = [_ALL, "20", "10", "5", "2", "1", "0"]
_SHOTS_HELP = (
    "Pictures of each class that are learned from, drawn at random. 0 is zero-shot: nothing is learned. The learning "
    "curve shows all of these in any case."
)
_OWN = "as labelled"
_CLASSES_HELP = (
    "What the network chooses among. As labelled: the classes that the pictures have. A larger set: the others can be "
    "said too, zero-shot."
)


def training_view(chosen: PictureSet) -> None:
    """The question, then the answers."""
    with st.container(border=True):
        _ask(chosen)
    LEARNT.watch()


def _ask(chosen: PictureSet) -> None:
    counts, why = _ready(chosen)
    what, how, then = st.columns([5, 6, 5], gap="large")
    with what:
        st.markdown(f"**Learn from {plain(chosen.name)}**")
        st.markdown(why or f"{sum(counts.values()):,} labelled pictures of {len(counts)} classes")
        named = [_OWN, *compound.names()]
        words = {_OWN: "As labelled", **SETS}
        classes = st.selectbox(
            "Classes",
            named,
            key="compound ask classes",
            format_func=lambda n: words.get(n, f"{n}: your table"),
            help=_CLASSES_HELP,
        )
    with how:
        strategy = st.segmented_control(
            "What is trained",
            list(_STRATEGIES),
            default="probe",
            required=True,
            format_func=_STRATEGIES.__getitem__,
            key="compound ask strategy",
            help=_STRATEGY_HELP,
        )
        st.caption(_STRATEGY_WORDS[strategy or "probe"])
        known = st.empty()
        shots = st.segmented_control(
            "Pictures a class",
            _SHOTS,
            default=_ALL,
            required=True,
            key="compound ask shots",
            help=_SHOTS_HELP,
        )
    with then:
        models = list(store.names())
        model = st.selectbox(
            "Starting weights",
            models,
            models.index(shell.model_name()) if shell.model_name() in models else 0,
            key="compound ask model",
            help="The network that is begun with. One trained with couplings knows the action units that compounds "
            "are made of.",
        )
        name = st.text_input(
            "Save as model",
            _free(chosen.name, models),
            key=f"compound ask name {chosen.name}",
            max_chars=60,
            help="Live, Analyse and fbn analyse --model find it under this name. Leave it empty to measure only.",
        ).strip()
        replace = name in models and st.checkbox(
            f"Replace {plain(name)}", key="compound ask replace", help="A model of this name is there already."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        # the button comes first on the page, but is told what the popover behind it holds
        place = st.container(width="content")
        settings = _settings()
        taken = name in models and not replace
        st.caption(
            "Tick Replace, or save under another name."
            if taken
            else "It goes on when you leave this page or close the browser."
        )
    asked = {
        "data": str(chosen.source),
        "classes": None if classes == _OWN else classes,
        "strategy": strategy,
        "shots": None if shots in (_ALL, None) else int(shots),
        "model": model,
        "name": name or None,
        "overwrite": bool(replace),
        **settings,
    }
    known.caption(_known(asked))
    place.button(
        "Start learning",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(why) or taken or model is None,
        on_click=partial(LEARNT.start, f"{chosen.name}: {_STRATEGIES[strategy or 'probe'].lower()}", asked),
    )
    LEARNT.problem()


def _known(asked: Mapping[str, Any]) -> str:
    """How long this takes here, where the same set was learned from before in the same way."""
    same = ("data", "strategy", "shots", "folds", "draws")

    def work(of: Mapping[str, Any]) -> float | None:
        return 1.0 if all(of.get(name) == asked[name] for name in same) else None

    return durations.remembered("fewshot", work, 1.0)


def _free(name: str, taken: list[str]) -> str:
    return next(own for i in range(1, len(taken) + 2) if (own := name if i == 1 else f"{name}-{i}") not in taken)


def _settings() -> dict[str, Any]:
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
        faceless = st.selectbox(
            "Pictures without a visible face",
            [None, True, False],
            key="compound ask crops",
            format_func={None: "By layout", True: "Use them", False: "Leave them out"}.__getitem__,
            help="By layout: used in RAF-DB's, whose pictures are crops of faces; else left out.",
        )
    return {"folds": int(folds), "draws": int(draws), "seed": int(seed), "crops": faceless}


def _ready(chosen: PictureSet) -> tuple[Counter[str], str]:
    """Pictures of each class, and why nothing can be learned from them, if so."""
    try:
        if chosen.data is None and not chosen.labels.read():
            return Counter(), "No picture has a label yet: give some under Label."
        counts = Counter(sample.compound for sample in read_labels(chosen.source).samples)
    except (FbnError, OSError) as error:
        return Counter(), str(error)
    return counts, "" if len(counts) > 1 else "Label pictures of at least two classes first."


LEARNT = JobList(
    kind="fewshot",
    key="compound job",
    title="What was learned",
    nothing=("Nothing yet. Start learning, and watch it here.", "school"),
    show=result_view,
)
