"""Widgets that show what is kept elsewhere, and choices that the address names, on a page of the test's own."""

import pytest
from streamlit.testing.v1 import AppTest


def bound_page() -> None:
    """Two weights of 0 or more; Undo sets both to 0, and none may be over 0.8."""
    import streamlit as st

    from fbn.ui.widgets import controlled

    state = st.session_state
    kept = state.setdefault("kept", {"one": 0.0, "two": 0.0})

    def take(name: str, moved: float) -> None:
        if moved <= 0.8:
            kept[name] = round(moved, 3)

    st.button("Undo", on_click=lambda: kept.update(one=0.0, two=0.0))
    for name in ("one", "two"):
        controlled(
            st.slider, name, kept[name], lambda moved, name=name: take(name, moved), name, min_value=0.0, max_value=1.0
        )


def weights(test: AppTest) -> dict[str, float]:
    assert not test.exception
    shown = {slider.label: slider.value for slider in test.slider}
    assert shown == test.session_state["kept"]
    return shown


def test_an_old_value_that_was_on_its_way_takes_nothing_back():
    test = AppTest.from_function(bound_page).run()
    test.slider[0].set_value(0.6).run()
    # what the browser holds when the viewer undoes that and, before the answer is there, moves the other one
    browser = test._tree.get_widget_states()
    test.button[0].click().run()
    assert weights(test) == {"one": 0.0, "two": 0.0}
    moved = next(widget for widget in browser.widgets if widget.id == test.slider[1].id)
    moved.double_array_value.data[:] = [0.3]
    test._run(browser)
    assert weights(test) == {"one": 0.0, "two": 0.3}


def test_what_a_viewer_sets_is_not_written_over_nor_its_widget_made_anew():
    test = AppTest.from_function(bound_page).run()
    before = test.slider[0].id
    for value in (0.1, 0.15000000000000002, 0.7):
        test.slider[0].set_value(value).run()
        assert test.slider[0].id == before
        assert test.slider[0].value == value
    assert test.session_state["kept"] == {"one": 0.7, "two": 0.0}


def test_a_widget_goes_back_where_its_value_is_refused():
    test = AppTest.from_function(bound_page).run()
    test.slider[0].set_value(0.5).run()
    test.slider[0].set_value(0.9).run()
    assert weights(test) == {"one": 0.5, "two": 0.0}
    test.slider[0].set_value(0.6).run()
    assert weights(test) == {"one": 0.6, "two": 0.0}


def swept_page() -> None:
    """Three weights; "Clear" sets all to 0 and "Fill" to 1, and ``all`` sets every one to its own."""
    import streamlit as st

    from fbn.ui.widgets import controlled, keep_user_changes

    kept = st.session_state.setdefault("kept", {"one": 0.0, "all": 0.0, "two": 0.0})

    @keep_user_changes
    def fill(weight: float) -> None:
        kept.update(dict.fromkeys(kept, weight))

    for name in kept:
        take = fill if name == "all" else lambda moved, name=name: kept.update({name: moved})
        controlled(st.slider, name, kept[name], take, name, min_value=0.0, max_value=1.0)
    st.button("Clear", on_click=fill, args=(0.0,))
    st.button("Fill", on_click=fill, args=(1.0,))


def swept(*asked: int | tuple[int, float]) -> dict[str, float]:
    """What the weights are after one run in which sliders were moved (place, value) and a button clicked (place)."""
    test = AppTest.from_function(swept_page).run()
    test.slider[2].set_value(0.7).run()
    for one in asked:
        if isinstance(one, tuple):
            test.slider[one[0]].set_value(one[1])
        else:
            test.button[one].click()
    return weights(test.run())


def test_what_a_viewer_sets_in_the_run_of_a_click_that_sets_everything_stays():
    assert swept(0) == {"all": 0.0, "one": 0.0, "two": 0.0}
    assert swept((0, 0.3), 0) == {"all": 0.0, "one": 0.3, "two": 0.0}
    assert swept((2, 0.9), 0) == {"all": 0.0, "one": 0.0, "two": 0.9}
    assert swept((0, 0.0), (2, 0.3), 1) == {"all": 1.0, "one": 1.0, "two": 0.3}, "one was not moved"


def test_a_widget_that_sets_everything_spares_what_was_set_in_its_run():
    assert swept((1, 0.5)) == {"all": 0.5, "one": 0.5, "two": 0.5}
    assert swept((0, 0.3), (1, 0.5), (2, 0.9)) == {"all": 0.5, "one": 0.3, "two": 0.9}
    assert swept((0, 0.3), (1, 0.5), (2, 0.9), 0) == {"all": 0.5, "one": 0.3, "two": 0.9}


def test_what_was_set_in_an_earlier_run_does_not_stay():
    test = AppTest.from_function(swept_page).run()
    test.slider[0].set_value(0.3).run()
    test.button[0].click().run()
    assert weights(test) == {"all": 0.0, "one": 0.0, "two": 0.0}


def placed_page() -> None:
    """Choices A, B and C; a button opens C."""
    import streamlit as st

    from fbn.ui.widgets import pick, sync_with_url

    choices = st.session_state.get("choices", ["A", "B", "C"])
    st.markdown(sync_with_url("letter", "open", choices, "A" if choices else "", "letter"))
    if choices:
        pick(st.selectbox, "Letter", "open", options=choices)
    st.button("C", on_click=lambda: st.session_state.update(open="C"))


def visited(**address: str) -> AppTest:
    test = AppTest.from_function(placed_page)
    test.query_params.update(address)
    return test.run()


def test_the_address_leads_to_a_choice_and_follows_it():
    test = visited()
    assert (test.markdown[0].value, dict(test.query_params)) == ("A", {}), "a default need not be said"
    test.selectbox[0].set_value("B").run()
    assert test.query_params["letter"] in ("B", ["B"])
    test.button[0].click().run()
    assert (test.markdown[0].value, test.selectbox[0].value) == ("C", "C")
    assert test.query_params["letter"] in ("C", ["C"])
    assert visited(letter="B").selectbox[0].value == "B"
    assert visited(letter="b").selectbox[0].value == "B"


def test_back_brings_the_choice_before_it_and_is_not_written_over():
    test = visited(letter="B")
    test.button[0].click().run()
    test.query_params["letter"] = "B"
    test.run()
    assert (test.markdown[0].value, test.selectbox[0].value) == ("B", "B")
    del test.query_params["letter"]
    test.run()
    assert test.markdown[0].value == "A"
    assert "letter" not in test.query_params


@pytest.mark.parametrize("name", ["nope", "", "*A*"])
def test_a_name_that_does_not_exist_is_told_until_something_is_picked(name: str):
    test = visited(letter=name)
    assert not test.exception
    assert test.markdown[0].value == "A"
    told = test.warning[0].value
    assert told.startswith("The address asks for the letter “")
    assert told.endswith("“A” is shown. There are: A, B, C.")
    assert test.query_params["letter"] in ("A", ["A"])
    test.selectbox[0].set_value("B").run()
    assert not test.warning


def test_where_there_is_no_choice_at_all_the_name_is_told_too():
    test = AppTest.from_function(placed_page)
    test.session_state["choices"] = []
    test.query_params["letter"] = "nope"
    test.run()
    assert not test.exception
    assert "there is none of that name" in test.warning[0].value


def test_a_choice_that_is_gone_gives_way_to_the_default():
    test = visited(letter="B")
    test.session_state["choices"] = ["A", "C"]
    test.run()
    assert (test.markdown[0].value, test.selectbox[0].value) == ("A", "A")
