"""The Coupling lab: what its figures show is what the losses do; its training couples one network alone; its page."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from fbn.jobs import lesson as coupling_training
from fbn.jobs.lesson import COUPLINGS, Lesson, LiveTraining, NetworkPair, PairScores
from fbn.losses import curves
from fbn.relatedness import RelatednessTable, Versions
from fbn.resources import shipped
from fbn.ui.coupling.charts import LINES
from fbn.ui.coupling.page import STEPS
from fbn.ui.coupling.training import exchanged, outcome
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX
from tests.ui.conftest import FakeAnalyser, press, words

DU = RelatednessTable.named("du2014")
TINY = Lesson(DU, labelled=8, faces=24, held_out=10, size=32, steps=2, batch=8)


@pytest.mark.parametrize("q", [0.1, 0.3, 0.45, 0.55, 0.8])
def test_each_form_is_lowest_where_the_lesson_says(q: float):
    assert curves.curve("kl", q).lowest == pytest.approx(q, abs=0.01)
    assert curves.curve("soft_target", q).lowest == pytest.approx(q, abs=0.01)
    assert curves.curve("printed", q).lowest < 0.01
    assert round(curves.curve("cross_entropy", q).lowest) == (q > 0.5)
    assert (curves.curve("printed", q).slope > 0).all()
    assert (np.sign(curves.curve("cross_entropy", q).slope) == (1 if q < 0.5 else -1)).all()


@pytest.mark.parametrize("form", LINES)
def test_slope_is_the_curves(form: str):
    found = curves.curve(form, 0.3)
    numeric = np.gradient(found.loss, found.p)
    inner = (found.p > 0.05) & (found.p < 0.95)
    assert found.slope[inner] == pytest.approx(numeric[inner], abs=0.02)


def test_descent_ends_where_each_form_leads():
    for form in ("kl", "soft_target"):
        assert curves.descent(form, 0.3)[-1] == pytest.approx(0.3, abs=0.01)
    assert curves.descent("printed", 0.3)[-1].max() < 0.05
    assert curves.descent("cross_entropy", 0.3)[-1].max() < 0.05
    assert curves.descent("cross_entropy", 0.7)[-1].min() > 0.95
    assert curves.descent("kl", 0.3)[0] == pytest.approx(curves.STARTS)


def test_gradients_move_only_what_they_may():
    sideways, upwards, both = (curves.paths("kl", flow) for flow in ("p", "q", "both"))
    assert (sideways[:, :, 1] == sideways[0, :, 1]).all()
    assert (upwards[:, :, 0] == upwards[0, :, 0]).all()
    for ends in (sideways[-1], upwards[-1], both[-1]):
        assert ends[:, 0] == pytest.approx(ends[:, 1], abs=0.02)
    assert np.ptp(both[:, 3, 0]) > 0.1 < np.ptp(both[:, 3, 1])


def test_the_plane_is_lowest_on_the_diagonal_for_kl_alone():
    grid, loss = curves.plane("kl")
    assert (grid[loss.argmin(1)] == grid).all()
    _, loss = curves.plane("printed")
    assert (loss.argmin(1) == 0).all()


def test_implied_units_follow_the_mixture():
    q = curves.implied([("surprise", 0.6), ("fear", 0.3)], DU, "sum", True)
    assert q[AU_INDEX[2]] == pytest.approx(0.9)
    assert curves.implied([("surprise", 1.0)], DU, "mean", True)[AU_INDEX[2]] == pytest.approx(0.5)
    assert curves.implied([("surprise", 0.5), ("surprise", 0.5)], DU, "sum", False)[AU_INDEX[2]] == pytest.approx(1)


def test_soft_labels_sharpen_and_each_form_teaches_what_the_lesson_says():
    happy = EXPRESSION_INDEX["happiness"]
    flat, sharp = (curves.soft_label((6, 12, 25), DU, t, "weight") for t in (1.0, 0.3))
    assert flat[happy] == pytest.approx(0.29, abs=0.01)
    assert sharp[happy] > 0.7
    assert curves.learned((6, 12, 25), DU, "soft_target", 1.0, "weight") == pytest.approx(flat, abs=0.01)
    assert curves.learned((6, 12, 25), DU, "printed", 1.0, "weight")[happy] > 0.98
    assert curves.hard_label((6, 12, 25), DU) == "happiness"
    assert curves.hard_label((6, 12), DU) is None


def test_exchanged_rows_are_a_table_with_every_row_elsewhere():
    wrong = exchanged(DU)
    assert sorted(map(str, (row for _, row in wrong.cells))) == sorted(
        str(row) for name, row in DU.cells if name in wrong.categories
    )
    assert all(wrong.row(name) != DU.row(name) for name in wrong.categories if name != "neutral")


def _pair(lesson: Lesson) -> NetworkPair:
    images, labels = coupling_training._render_faces(3, 0, lesson.faces + lesson.held_out, lesson.size)
    return NetworkPair(lesson, images, labels)


def test_networks_start_equal_and_differ_by_the_couplings_alone():
    pair = _pair(TINY)
    first, second = (list(network.parameters()) for network in pair._networks)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    point = pair.measure(0)
    assert all(pairs[0] == pairs[1] for pairs in (point.f1, point.accuracy, point.distance))
    pair.step()
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    uncoupled = _pair(replace(TINY, couplings=()))
    uncoupled.step()
    first, second = (list(network.parameters()) for network in uncoupled._networks)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_labels_are_scarce_and_never_both():
    labels = _pair(TINY)._labels
    units = labels.action_units_weight.amax(-1) > 0
    assert units.sum() == TINY.labelled
    assert not (units & (labels.expression_weight > 0)).any()
    assert (units | (labels.expression_weight > 0)).all()


def test_a_training_grows_its_curves_and_ends():
    training = LiveTraining(TINY)
    assert training.wait(60)
    now = training.progress()
    assert (now.running, now.problem, now.message, now.progress) == (False, "", "Done", 1.0)
    assert [point.step for point in now.points] == [0, 1, 2]
    assert now.points[-1].distance[0] != now.points[-1].distance[1]


def test_a_training_stops_waits_its_turn_and_says_what_failed(monkeypatch: pytest.MonkeyPatch):
    drawing, go_on = threading.Event(), threading.Event()
    draw = coupling_training._render_faces

    def slow(*wanted: int) -> tuple:
        drawing.set()
        go_on.wait(30)
        return draw(*wanted)

    monkeypatch.setattr(coupling_training, "_render_faces", slow)
    first = LiveTraining(TINY)
    assert drawing.wait(30)
    second = LiveTraining(TINY)
    assert second.progress().message == "Waiting for another training to end"
    second.cancel()
    assert second.wait(10)
    assert second.progress().message == "Stopped"
    first.cancel()
    go_on.set()
    assert first.wait(60)
    assert (first.progress().message, first.progress().points) == ("Stopped", ())

    def fail(*wanted: int) -> tuple:
        raise MemoryError("no memory left")

    monkeypatch.setattr(coupling_training, "_render_faces", fail)
    third = LiveTraining(TINY)
    assert third.wait(10)
    assert third.progress().problem == "MemoryError: no memory left"
    monkeypatch.undo()
    assert LiveTraining(TINY).wait(60), "a failed training gives its turn back"


def test_the_outcome_is_said_in_words():
    said = outcome(PairScores(480, (0.54, 0.73), (0.78, 0.82), (9.2, 0.1)))
    assert "AU F1 0.54 without, 0.73 with (**+0.19 with the couplings**)" in said
    assert "−0.36" in outcome(PairScores(480, (0.54, 0.18), (0.78, 0.82), (9.2, 0.1)))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> AppTest:
    monkeypatch.setenv("FBN_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    return test.switch_page("pages/coupling.py").run()


def opened_at(step: str) -> AppTest:
    """The lab in another session, by a link to a step."""
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/coupling.py")
    test.query_params["step"] = step
    return test.run()


def test_every_step_opens_and_leads_to_the_next(lab: AppTest):
    for number, step in enumerate(STEPS, 1):
        assert not lab.exception
        assert not lab.error
        assert f"### {number}. {step.title}" in words(lab)
        last = next(button for button in lab.button if button.label == "Next step")
        assert last.disabled == (step is STEPS[-1])
        if step is not STEPS[-1]:
            press(lab, "Next step")
    press(lab, "Back")
    assert f"### {len(STEPS) - 1}. {STEPS[-2].title}" in words(lab)


def test_the_saved_tables_can_be_chosen(lab: AppTest):
    Versions().save("mine", DU.edited("happiness", 12, None), 0)
    lab.run()
    lab.selectbox(key="lab table").set_value("mine").run()
    assert not lab.exception
    lab.button_group(key="lab step pick").set_value("5").run()
    assert lab.selectbox(key="lab table").value == "mine"
    assert "Hard co-annotation: **happiness**" in words(lab)


def test_a_table_that_lacks_an_expression_is_refused_in_words(lab: AppTest):
    Versions().save("half", DU.restrict(categories=["anger"]), 0)
    lab.run()
    chosen = next(box for box in lab.selectbox if box.label == "Relatedness table")
    chosen.set_value("half").run()
    assert not lab.exception
    (error,) = lab.error
    assert "half" in error.value
    assert "happiness" in error.value


def test_the_form_says_where_everything_goes(lab: AppTest):
    lab.button_group(key="lab step pick").set_value("3").run()
    assert "**As printed**: all on their way to 0" in words(lab)
    assert "**KL divergence**: all meet at q" in words(lab)
    lab.slider(key="lab q below").set_value(0.7).run()
    assert "**Cross entropy**: all on their way to 1" in words(lab)


def test_a_training_starts_from_the_page_and_its_outcome_stands_there(lab: AppTest, monkeypatch: pytest.MonkeyPatch):
    started: list[Lesson] = []

    def tiny(lesson: Lesson) -> LiveTraining:
        started.append(lesson)
        training = LiveTraining(replace(TINY, couplings=lesson.couplings))
        training.wait(60)
        return training

    monkeypatch.setattr("fbn.jobs.lesson.LiveTraining", tiny)
    lab.button_group(key="lab step pick").set_value("6").run()
    lab.toggle(key="lab wrong").set_value(True).run()
    lab.button_group(key="lab couplings").set_value(["co_annotation"]).run()
    press(lab, "Start training")
    assert not lab.exception
    assert (started[0].table, started[0].couplings) == (exchanged(DU), ("co_annotation",))
    assert "After 2 steps: AU F1" in words(lab)
    assert set(COUPLINGS) > set(started[0].couplings)
    # whoever loads the page anew sees it too, and is told that it is not theirs
    other = opened_at("6")
    assert "After 2 steps: AU F1" in words(other)
    assert any("co-annotation; 8 of 24 faces" in each.value for each in other.caption)
    assert any("Started on another page" in each.value for each in other.caption)
    assert not any("Started on another page" in each.value for each in lab.caption)


def test_a_training_that_goes_on_is_found_by_every_page_and_stopped_by_any(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    drawing, go_on = threading.Event(), threading.Event()
    draw = coupling_training._render_faces

    def slow(*wanted: int) -> tuple:
        drawing.set()
        go_on.wait(60)
        return draw(*wanted)

    monkeypatch.setattr(coupling_training, "_render_faces", slow)
    running = coupling_training.CLASSROOM.begin(TINY)
    assert drawing.wait(60)
    assert coupling_training.CLASSROOM.begin(TINY) is running, "no second one beside it"
    other = opened_at("6")
    assert not any(button.label == "Start training" for button in other.button)
    press(other, "Stop")
    assert running.cancelled
    go_on.set()
    assert running.wait(60)
    other.run()
    assert any(button.label == "Start training" for button in other.button)


def test_the_time_left_is_measured_and_the_speed_remembered(monkeypatch: pytest.MonkeyPatch):
    seconds, seen = iter(range(0, 1000, 3)), []
    monkeypatch.setattr(coupling_training.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(coupling_training, "_SPEEDS", {})
    monkeypatch.setattr(LiveTraining, "_run", lambda self: None)
    training = LiveTraining(TINY)
    monkeypatch.setattr(training, "_update", lambda **changes: seen.append(changes.get("left")))
    assert coupling_training.expected(TINY) is None
    stand_in = SimpleNamespace(step=lambda: None, measure=lambda step: None)
    training._fit(stand_in)
    # each step takes 3 s; of two, one is left after the first
    assert [left for left in seen if left is not None] == [3.0, 0.0]
    assert coupling_training.expected(TINY) == 6.0


def test_a_link_leads_to_a_step_and_one_that_is_none_is_told(lab: AppTest):
    other = opened_at("4")
    assert f"### 4. {STEPS[3].title}" in words(other)
    assert not other.warning
    other = opened_at("nine")
    assert "### 1." in words(other)
    assert "The address asks for the step “nine”" in words(other)
    press(other, "Next step")
    assert other.query_params["step"] == "2"
    assert not other.warning
