"""The quiz: its questions, its scores, and a run through its opened."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.synthetic.editing import unit_levels
from fbn.synthetic.quiz import LENGTH, RULES, Level, Question, Quiz, question
from fbn.vocabulary import AU_INDEX, AU_NUMBERS
from tests.ui.conftest import press, words

MANY = [(seed, number, level) for seed in range(6) for number in range(LENGTH) for level in Level]


def test_the_same_number_gives_the_same_quiz_and_another_gives_another():
    def answers(seed: int, level: Level) -> list[tuple[int, ...]]:
        return [question(seed, i, level).answer for i in range(LENGTH)]

    for level in Level:
        assert [question(3, i, level) for i in range(4)] == [question(3, i, level) for i in range(4)]
        assert answers(3, level) != answers(4, level)


@pytest.mark.parametrize("level", list(Level))
def test_questions_keep_their_level(level: Level):
    rules = RULES[level]
    for asked in (question(seed, number, level) for seed in range(6) for number in range(LENGTH)):
        units = unit_levels(asked.face)
        assert tuple(np.array(AU_NUMBERS)[units > 0]) == asked.answer
        shown = units[[AU_INDEX[n] for n in asked.answer]]
        assert rules.weakest - 0.01 <= shown.min()
        assert shown.max() <= rules.strongest + 0.01
        assert 1 <= len(asked.answer) <= rules.max_units
        assert set(asked.answer) < set(asked.options)
        assert len(set(asked.options)) == rules.options
        assert abs(asked.face.scene.yaw) <= rules.turn
        assert asked.face.appearance.glasses == 0
        assert not unit_levels(asked.rest).any()
    counts = {len(question(0, i, level).answer) for i in range(40)}
    assert counts == set(range(1, rules.max_units + 1))


def test_no_face_shows_two_movements_that_hide_each_other():
    for asked in (question(*which) for which in MANY):
        assert not {24, 25} <= set(asked.answer)
        assert not {12, 15} <= set(asked.answer)


def test_an_easy_quiz_asks_for_another_unit_each_time():
    for seed in range(10):
        assert len({question(seed, i, Level.EASY).answer for i in range(LENGTH)}) == LENGTH


def test_a_wrong_pick_takes_back_a_right_one():
    asked = Question(question(0, 0, Level.HARD).face, (4, 12), (1, 4, 9, 12))
    assert asked.points((4, 12)) == 1
    assert asked.points((4,)) == 0.5
    assert asked.points((4, 12, 9)) == 0.5
    assert asked.points((4, 9)) == 0
    assert asked.points((1, 9)) == 0
    assert asked.points(()) == 0


def test_a_run_counts_each_question_once_and_ends():
    run = Quiz(5, Level.EASY)
    assert run.next() == run
    for i in range(LENGTH):
        right = run.question.answer
        run = run.answer(right if i else (99,))
        assert run.answer(right) == run
        run = run.next()
    assert run.finished
    assert run.points == LENGTH - 1
    assert run.missed() == {question(5, 0, Level.EASY).answer[0]: 1}
    assert run.answer((1,)) == run


def tick(opened: AppTest, asked: Quiz, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        opened.checkbox(key=f"quiz {asked.seed} {asked.level} {asked.number} {number}").check()
    press(opened, "Check")


def test_page_asks_explains_counts_and_ends(opened: AppTest):
    opened.button_group(key="studio_view").set_value("Quiz").run()
    assert "Guess the action unit" in words(opened)
    opened.number_input(key="quiz seed").set_value(7).run()
    press(opened, "Start")
    run: Quiz = opened.session_state["studio quiz"]
    assert (run.seed, run.level) == (7, Level.EASY)
    press(opened, "Check")
    assert "Tick at least one." in words(opened)
    tick(opened, run, run.question.answer)
    assert "Right." in words(opened)
    assert "1 of 1 points" in words(opened)
    press(opened, "Next face")
    run = opened.session_state["studio quiz"]
    wrong = next(n for n in run.question.options if n not in run.question.answer)
    tick(opened, run, (wrong,))
    assert "Not this time." in words(opened)
    assert f"**AU{run.question.answer[0]} " in words(opened)
    assert "missed" in words(opened)
    for _ in range(LENGTH - 2):
        press(opened, "Next face")
        run = opened.session_state["studio quiz"]
        tick(opened, run, run.question.answer)
    press(opened, "See the result")
    assert not opened.exception
    assert f"{LENGTH - 1} of {LENGTH} points" in words(opened)
    press(opened, "The same again")
    assert opened.session_state["studio quiz"] == Quiz(7, Level.EASY)
