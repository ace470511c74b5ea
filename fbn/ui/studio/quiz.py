"""The studio's Quiz view: name the action units of drawn faces."""

import secrets

import streamlit as st

from fbn.faces.pictures import png_bytes
from fbn.synthetic.editing import picture
from fbn.synthetic.parameters import Face
from fbn.synthetic.quiz import LENGTH, RULES, Level, Question, Quiz
from fbn.ui.html import au_tooltip
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

_QUIZ = "studio quiz"
_LAST_SEED = 9_999
_NUMBERS = {2: "two", 3: "three"}
_LEVELS = {
    Level.EASY: "one strong movement, four names far apart",
    Level.MEDIUM: "one or two clear movements, six names, another head",
    Level.HARD: "up to three slight movements, eight names, a turned head, nothing to compare with",
}


def quiz_view() -> None:
    """Show the start form, the current question, or the result."""
    quiz: Quiz | None = st.session_state.get(_QUIZ)
    if quiz is None:
        _start()
    elif quiz.finished:
        _result(quiz)
    else:
        _ask(quiz)


def _start() -> None:
    with st.container(border=True, key="quiz_start"):
        st.markdown(
            f"##### :material/quiz: Guess the action unit\n{LENGTH} faces. On each, certain muscles move; you say "
            "which. Every answer is explained."
        )
        level = st.radio("Difficulty", list(Level), format_func=_level, key="quiz level") or Level.EASY
        seed = st.number_input(
            "Quiz number",
            0,
            _LAST_SEED,
            1,
            key="quiz seed",
            help="The same number and difficulty always give the same faces, so that a class can share a quiz.",
        )
        st.button("Start", type="primary", icon=":material/play_arrow:", on_click=_begin, args=(int(seed), level))


def _level(level: Level) -> str:
    return f"{level.capitalize()}: {_LEVELS[level]}"


def _begin(seed: int, level: Level) -> None:
    st.session_state[_QUIZ] = Quiz(seed, level)


def _ask(quiz: Quiz) -> None:
    question = quiz.question
    _score_bar(quiz)
    left, right = st.columns(2, gap="large")
    with left:
        _faces(question, RULES[quiz.level].at_rest or quiz.answered)
    with right:
        if quiz.answered:
            _feedback(quiz, question)
        else:
            _choices(quiz, question)


def _score_bar(quiz: Quiz) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**Face {quiz.number + 1} of {LENGTH}**", width="content")
        st.markdown(
            f"{_points(quiz.points)} of {len(quiz.picks)} points" if quiz.picks else "No points yet",
            width="content",
            help="A point for all active movements and no other; part of it for some. A wrong pick undoes a right one.",
        )
        st.caption(f"Quiz {quiz.seed}, {quiz.level}", width="content")
        st.button("End", icon=":material/close:", on_click=_forget, type="tertiary")


def _points(points: float) -> str:
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _forget() -> None:
    st.session_state.pop(_QUIZ, None)


def _faces(question: Question, at_rest: bool) -> None:
    with st.container(key="quiz_faces"):
        columns = st.columns(2 if at_rest else 1)
        alt = "A drawn face with some action units; name them"
        columns[0].image(_png(question.face), caption="What does it do?", alt=alt)
        if at_rest:
            columns[1].image(_png(question.rest), caption="The same at rest", alt="The same drawn face at rest")


def _png(face: Face) -> bytes:
    return png_bytes(picture(face).image)


def _choices(quiz: Quiz, question: Question) -> None:
    maximum = RULES[quiz.level].max_units
    prompt = "Which movement is active?" if maximum == 1 else f"Which movements are active? One to {_NUMBERS[maximum]}."
    keys = {number: f"quiz {quiz.seed} {quiz.level} {quiz.number} {number}" for number in question.options}
    with st.form(f"quiz {quiz.number}", border=False):
        st.markdown(f"**{prompt}**")
        for number, key in keys.items():
            tooltip = None if quiz.level is Level.HARD else au_tooltip(ACTION_UNIT_BY_NUMBER[number])
            st.checkbox(_unit_name(number), key=key, help=tooltip)
        if st.form_submit_button("Check", type="primary", icon=":material/check:", on_click=_check, args=(quiz, keys)):
            st.warning("Tick at least one.")


def _check(quiz: Quiz, keys: dict[int, str]) -> None:
    if picked := [number for number, key in keys.items() if st.session_state[key]]:
        st.session_state[_QUIZ] = quiz.answer(picked)


def _unit_name(number: int) -> str:
    unit = ACTION_UNIT_BY_NUMBER[number]
    return f"{unit.short} {unit.name}"


def _feedback(quiz: Quiz, question: Question) -> None:
    picked = quiz.picks[quiz.number]
    points = question.points(picked)
    if points == 1:
        st.success("Right.", icon=":material/check_circle:")
    elif points > 0:
        st.warning(f"Partly right: {_points(points)} of 1 point.", icon=":material/contrast:")
    else:
        st.error("Not this time.", icon=":material/cancel:")
    for number in sorted({*question.answer, *picked}):
        unit = ACTION_UNIT_BY_NUMBER[number]
        if number not in question.answer:
            verdict, icon = "not there", "close"
        else:
            verdict, icon = ("right", "check") if number in picked else ("missed", "visibility_off")
        st.markdown(
            f":material/{icon}: **{unit.short} {unit.name}**: {verdict}  \nIt {unit.description}.  \n"
            f":gray[Muscle: {unit.muscle}]"
        )
    last = quiz.number + 1 == LENGTH
    st.button(
        "See the result" if last else "Next face",
        type="primary",
        icon=":material/arrow_forward:",
        on_click=_next,
        args=(quiz,),
    )


def _next(quiz: Quiz) -> None:
    st.session_state[_QUIZ] = quiz.next()


def _result(quiz: Quiz) -> None:
    with st.container(border=True, key="quiz_result"):
        st.markdown(f"##### {_points(quiz.points)} of {LENGTH} points\nQuiz {quiz.seed}, {quiz.level}.")
        if missed := quiz.missed():
            st.markdown("To look at again:")
            st.markdown("\n".join(f"- **{_unit_name(n)}**, missed {_times(times)}" for n, times in missed.items()))
        else:
            st.markdown("Nothing was missed.")
        with st.container(horizontal=True):
            st.button("The same again", icon=":material/replay:", on_click=_begin, args=(quiz.seed, quiz.level))
            another = secrets.randbelow(_LAST_SEED + 1)
            st.button(
                "Another quiz", icon=":material/casino:", on_click=_begin, args=(another, quiz.level), type="primary"
            )
            st.button("Choose", icon=":material/tune:", on_click=_forget)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
