"""The Coupling lab's "Who is it?": its controls change the drawn picture, and both networks read it anew."""

import pytest
from streamlit.testing.v1 import AppTest

from fbn.errors import MissingFileError
from fbn.resources import shipped
from fbn.studies.faces_demo import NETWORKS, DrawnPeople
from fbn.ui.coupling import people as people_page
from fbn.ui.coupling.page import STEPS
from tests.ui.conftest import FakeAnalyser, press, words

_STEP = next(str(number) for number, step in enumerate(STEPS, 1) if step.name == "Who is it?")


@pytest.fixture
def who(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The lab, open at the step."""
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    people_page.drawn_people.clear()
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/coupling.py")
    test.query_params["step"] = _STEP
    return test.run()


def attribute(test: AppTest, name: str) -> dict[str, float]:
    """The row of an attribute in the table of all of them."""
    (table,) = test.dataframe
    return table.value.loc[name].to_dict()


def test_it_says_who_it_is_and_compares_both_networks(who: AppTest) -> None:
    assert not who.exception
    assert not who.error
    text = words(who)
    assert "It is person" in text
    assert all(f"{title}: person" in text for title in NETWORKS.values())
    assert any("fbn ships no network that recognises real people" in each.value for each in who.caption)


def test_glasses_put_on_are_drawn_and_read_anew(who: AppTest) -> None:
    people = DrawnPeople.read()
    person = next(p for p in people.known if people.world.person(p).propensities["Eyeglasses"] < 0.01)
    who.selectbox(key="lab person").set_value(person).run()
    before = attribute(who, "Eyeglasses")
    assert not before["true"]
    looks = next(group for group in who.button_group if group.label == "Looks")
    looks.set_value([*looks.value, "Glasses"]).run()
    after = attribute(who, "Eyeglasses")
    assert after["true"]
    assert after["p"] != before["p"]
    assert not who.exception


def test_the_next_picture_has_its_own_pose(who: AppTest) -> None:
    turn = next(slider for slider in who.slider if slider.label == "Turn of the head")
    turn.set_value(40.0).run()
    press(who, "Next picture")
    turn = next(slider for slider in who.slider if slider.label == "Turn of the head")
    truth = DrawnPeople.read().held_out(who.selectbox(key="lab person").value, 1)
    assert turn.value == round(truth.face.scene.yaw)
    assert not who.exception


def test_a_stranger_is_nobody_the_networks_know(who: AppTest) -> None:
    who.selectbox(key="lab person").set_value(DrawnPeople.read().strangers[0]).run()
    assert "a stranger to both networks" in words(who)
    assert "✗" not in words(who)


def test_missing_networks_are_told_in_words(who: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> DrawnPeople:
        raise MissingFileError("assets/people is not there")

    monkeypatch.setattr(DrawnPeople, "read", missing)
    people_page.drawn_people.clear()
    who.run()
    assert not who.exception
    (error,) = who.error
    assert "assets/people is not there" in error.value
