"""The Coupling lab's last step: a live training of two networks, with and without couplings."""

import streamlit as st

from fbn.jobs import durations
from fbn.jobs.lesson import CLASSROOM, COUPLINGS, Lesson, LiveTraining, PairScores, expected
from fbn.relatedness import Provenance, RelatednessTable
from fbn.ui import charts
from fbn.ui.coupling import charts as coupling_charts
from fbn.ui.widgets import choose_one, escape_markdown
from fbn.vocabulary import EXPRESSIONS

_TRAINING = "lab training"
#: Seconds between updates of the curves, and between checks for a training that another user started.
_EVERY, _IDLE = 1.0, 4.0
_NAMES = {
    "distribution_matching": "Distribution matching",
    "soft_co_annotation": "Soft co-annotation",
    "co_annotation": "Co-annotation",
}
_METRICS = (
    ("f1", "AU F1", "Mean F1 of the action units on held-out faces; 1 is perfect.", (0, 1)),
    (
        "accuracy",
        "Expression accuracy",
        "Share of held-out faces whose expression is right; guessing gives 0.14.",
        (0, 1),
    ),
    (
        "distance",
        "Contradiction",
        "How far the AUs seen and those implied by the expressions are apart on held-out faces, by Du 2014's table: "
        "the distribution-matching loss (KL). Lower: the two heads agree.",
        None,
    ),
)


def exchanged(table: RelatednessTable) -> RelatednessTable:
    """Return a deliberately wrong table: each basic expression has the row of the previous one."""
    names = [e.value for e in EXPRESSIONS if e.value != "neutral"]
    rows = {name: table.row(names[i - 1]) for i, name in enumerate(names)}
    return RelatednessTable.of(rows, Provenance("derived", table.provenance.source, "rows exchanged"))


def training_view(table: RelatednessTable, title: str) -> None:
    """Draw the form, and the curves of the server's training, whichever user started it.

    Args:
        table: relatedness table of the couplings.
        title: title of the table.
    """
    training = CLASSROOM.training()
    busy = training is not None and training.progress().running
    with st.container(key="lab_choices"):
        wrong = st.toggle(
            "Exchange the table's rows",
            key="lab wrong",
            disabled=busy,
            help="Wrong on purpose: happiness gets fear's action units, and so on.",
        )
        couplings = st.pills(
            "Couplings of the second network",
            list(COUPLINGS),
            selection_mode="multi",
            default=list(COUPLINGS),
            format_func=_NAMES.__getitem__,
            key="lab couplings",
            disabled=busy,
        )
        labelled = choose_one(
            f"Faces with AU labels, of {Lesson.faces}",
            [20, 40, 80, 160],
            "lab labelled",
            disabled=busy,
            help="The other faces have an expression label only.",
        )
    if busy:
        st.button("Stop", icon=":material/stop:", type="primary", on_click=training.cancel)  # type: ignore[union-attr]
    else:
        table_title = f"{title}, rows exchanged" if wrong else title
        lesson = Lesson(exchanged(table) if wrong else table, table_title, tuple(couplings), labelled)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Start training",
                icon=":material/play_arrow:",
                type="primary",
                disabled=not couplings,
                on_click=lambda: st.session_state.update({_TRAINING: CLASSROOM.begin(lesson)}),
            )
            st.caption(_size(lesson), width="content")
    if training is not None:
        st.fragment(_curves, run_every=_EVERY if busy else None)(training, busy)
    if not busy:
        st.fragment(_wait, run_every=_IDLE)(training)


def _size(lesson: Lesson) -> str:
    """Describe the amount of training, and its duration the last time."""
    seconds = expected(lesson)
    duration = f" · about {durations.in_words(seconds)} on this machine" if seconds else ""
    return f"Two networks, {lesson.steps} steps of {lesson.batch} faces each{duration}"


def _wait(current: LiveTraining | None) -> None:
    """Rerun the page as soon as another user's training begins."""
    if CLASSROOM.training() is not current:
        st.rerun()


def _describe(training: LiveTraining) -> str:
    """Describe the training, and whether another user started it."""
    lesson = training.lesson
    names = ", ".join(_NAMES[name].lower() for name in lesson.couplings)
    is_mine = st.session_state.get(_TRAINING) is training
    whose = (
        ""
        if is_mine
        else " Started on another page or before this one was loaded: everybody who uses this app sees it."
    )
    labelled = f"{lesson.labelled} of {lesson.faces} faces have AU labels"
    return f"Table {escape_markdown(lesson.title)}; {names}; {labelled}.{whose}"


def _curves(training: LiveTraining, busy: bool) -> None:
    now = training.progress()
    if busy and not now.running:
        st.rerun()
    if now.problem:
        st.error(f"The training failed: {now.problem}")
    st.progress(now.progress, now.message + durations.countdown(now.left))
    st.caption(_describe(training))
    if not now.points:
        st.caption("The faces are drawn first; they are kept for the next training.")
        return
    if not now.running:
        st.markdown(outcome(now.points[-1]))
    containers = (st.container(), *st.columns(2))
    for container, (field, title, help_text, y_range) in zip(containers, _METRICS, strict=True):
        with container:
            st.markdown(f"**{title}**", help=help_text)
            figure = coupling_charts.training(now.points, field, training.lesson.steps, y_range)
            alt = f"{title}: with the coupling and without, along the training."
            st.plotly_chart(figure, config=charts.CONFIG, key=f"lab curve {field}", alt=alt)


def outcome(point: PairScores) -> str:
    """Summarise the metrics of both networks in two sentences."""
    off, on = point.f1
    gained = f"**{'+' if on >= off else '−'}{abs(on - off):.2f} with the couplings**"
    return (
        f"After {point.step} steps: AU F1 {off:.2f} without, {on:.2f} with ({gained}); expressions right "
        f"{point.accuracy[0]:.0%} without, {point.accuracy[1]:.0%} with. One pair with one seed, so differences of a "
        f"few hundredths mean nothing."
    )
