"""The Coupling lab's last step: two networks train while one looks."""

import streamlit as st

from fbn.jobs import durations
from fbn.jobs.lesson import CLASSROOM, COUPLINGS, Lesson, LiveTraining, PairScores, expected
from fbn.relatedness import Provenance, RelatednessTable
from fbn.ui import charts
from fbn.ui.coupling import charts as coupling_charts
from fbn.ui.widgets import escape_markdown
from fbn.vocabulary import EXPRESSIONS

_TRAINING = "lab training"
_EVERY, _IDLE = 1.0, 4.0  # seconds between two looks at the curves; and at whether somebody started a training
_NAMES = {
    "distribution_matching": "Distribution matching",
    "soft_co_annotation": "Soft co-annotation",
    "co_annotation": "Co-annotation",
}
_FIGURES = (
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
    """The table with every basic expression's row given to the next one: wrong on purpose."""
    names = [e.value for e in EXPRESSIONS if e.value != "neutral"]
    rows = {name: table.row(names[i - 1]) for i, name in enumerate(names)}
    return RelatednessTable.of(rows, Provenance("derived", table.provenance.source, "rows exchanged"))


def training_view(table: RelatednessTable, title: str) -> None:
    """Choices, start and stop, and the curves of the server's training, whoever started it.

    Args:
        table: relatedness that the couplings use.
        title: what it is called.
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
        labelled = st.segmented_control(
            f"Faces with AU labels, of {Lesson.faces}",
            [20, 40, 80, 160],
            default=20,
            required=True,
            key="lab labelled",
            disabled=busy,
            help="The other faces have an expression label only.",
        )
    if busy:
        st.button("Stop", icon=":material/stop:", type="primary", on_click=training.cancel)  # type: ignore[union-attr]
    else:
        named = f"{title}, rows exchanged" if wrong else title
        lesson = Lesson(exchanged(table) if wrong else table, named, tuple(couplings), labelled or 20)
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
    """How much there is to do, and how long that took the last time."""
    seconds = expected(lesson)
    known = f" · about {durations.in_words(seconds)} on this machine" if seconds else ""
    return f"Two networks, {lesson.steps} steps of {lesson.batch} faces each{known}"


def _wait(known: LiveTraining | None) -> None:
    """Somebody else's training appears as soon as it begins."""
    if CLASSROOM.training() is not known:
        st.rerun()


def _what(training: LiveTraining) -> str:
    """Whose training it is, and what is trained."""
    lesson = training.lesson
    names = ", ".join(_NAMES[name].lower() for name in lesson.couplings)
    is_own = st.session_state.get(_TRAINING) is training
    whose = (
        "" if is_own else " Started on another page or before this one was loaded: everybody who uses this app sees it."
    )
    labelled = f"{lesson.labelled} of {lesson.faces} faces have AU labels"
    return f"Table {escape_markdown(lesson.title)}; {names}; {labelled}.{whose}"


def _curves(training: LiveTraining, busy: bool) -> None:
    now = training.progress()
    if busy and not now.running:
        st.rerun()
    if now.problem:
        st.error(f"The training failed: {now.problem}")
    st.progress(now.share, now.words + durations.countdown(now.left))
    st.caption(_what(training))
    if not now.points:
        st.caption("The faces are drawn first; they are kept for the next training.")
        return
    if not now.running:
        st.markdown(outcome(now.points[-1]))
    places = (st.container(), *st.columns(2))
    for place, (field, title, words, span) in zip(places, _FIGURES, strict=True):
        with place:
            st.markdown(f"**{title}**", help=words)
            figure = coupling_charts.training(now.points, field, training.lesson.steps, span)
            alt = f"{title}: with the coupling and without, along the training."
            st.plotly_chart(figure, config=charts.CONFIG, key=f"lab curve {field}", alt=alt)


def outcome(point: PairScores) -> str:
    """What came out, in two sentences."""
    off, on = point.f1
    gained = f"**{'+' if on >= off else '−'}{abs(on - off):.2f} with the couplings**"
    return (
        f"After {point.step} steps: AU F1 {off:.2f} without, {on:.2f} with ({gained}); expressions right "
        f"{point.accuracy[0]:.0%} without, {point.accuracy[1]:.0%} with. One pair with one seed, so differences of a "
        f"few hundredths mean nothing."
    )
