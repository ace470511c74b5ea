"""The Relatedness page, run by Streamlit's own harness. Heatmap and grid need a browser: see tests/browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox, Slider

from fbn.jobs import JobError
from fbn.jobs.kinds import parse
from fbn.relatedness import RelatednessTable, Versions
from fbn.relatedness.draft import Draft
from fbn.relatedness.versions import load_table
from fbn.relatedness.workshop import Workshop
from fbn.resources import shipped
from tests.ui.conftest import Reader, press, words

DU = RelatednessTable.named("du2014")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """The page on Du 2014, with nothing saved yet."""
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", Reader)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    return test.switch_page("pages/relatedness.py").run()


def shop(opened: AppTest) -> Workshop:
    assert not opened.exception
    kept: Workshop = opened.session_state["relatedness"]
    return kept


def draft(opened: AppTest) -> Draft:
    return shop(opened).drafts[shop(opened).open]


def slider(opened: AppTest) -> Slider:
    return next(widget for widget in opened.slider if widget.label == "Weight")


def table(opened: AppTest) -> Selectbox:
    return next(widget for widget in opened.selectbox if widget.label == "Table")


def weigh(opened: AppTest, weight: float) -> AppTest:
    return slider(opened).set_value(weight).run()


def save_as(opened: AppTest, name: str) -> AppTest:
    opened.session_state["rel save as"] = True
    opened.run().text_input(key="rel new name").set_value(name)
    return press(opened, "Save under this name")


def open_file_menu(opened: AppTest) -> AppTest:
    opened.session_state["rel file"] = True
    return opened.run()


def test_it_opens_on_a_cell_and_edits_it(opened: AppTest):
    assert opened.title[0].value == "Relatedness"
    assert (shop(opened).open, draft(opened).cell) == ("du2014", ("fear", 5))
    assert slider(opened).value == 0.63
    weigh(opened, 0.2)
    assert draft(opened).table.row("fear")[5] == 0.2
    opened.button_group(key="rel kind du2014 fear 5").set_value("prototypical").run()
    assert draft(opened).table.row("fear")[5] == 1
    press(opened, "Undo")
    assert slider(opened).value == 0.2
    press(opened, "Undo")
    assert draft(opened).table == DU
    press(opened, "Redo")
    assert draft(opened).table.row("fear")[5] == 0.2


def test_a_slider_that_the_browser_has_not_redrawn_cannot_undo_a_newer_edit(opened: AppTest):
    old = slider(opened).key
    weigh(opened, 0.2)
    assert slider(opened).key == old
    press(opened, "Undo")
    assert slider(opened).key != old
    assert slider(opened).value == 0.63


def test_a_note_is_kept_signed(opened: AppTest):
    next(each for each in opened.text_input if each.label == "Who").set_value("kim")
    next(each for each in opened.text_area if each.label == "Why").set_value("not in *our* films")
    press(opened, "Keep the note")
    assert draft(opened).table.note("fear", 5).who == "kim"
    assert any(caption.value == r"Note: not in \*our\* films (kim)" for caption in opened.caption)
    press(opened, "Undo")
    assert not draft(opened).table.notes


def test_a_built_in_table_is_saved_under_another_name_only(opened: AppTest):
    weigh(opened, 0.2)
    save_as(opened, "du2014")
    assert "built-in" in opened.error[0].value
    save_as(opened, "mine")
    assert (shop(opened).open, draft(opened).number) == ("mine", 1)
    assert not draft(opened).dirty
    assert Versions().load("mine") == draft(opened).table
    assert Versions().history("mine")[0].note == "fear AU5: .63 → .20"
    table(opened).set_value("du2014").run()
    assert draft(opened).table == DU


def test_saved_versions_pile_up_and_come_back(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    press(weigh(opened, 0.4), "Save")
    assert draft(opened).number == 2
    opened.button_group(key="rel view pick").set_value("Versions").run()
    assert "Version 2" in words(opened)
    press(opened, "Bring this one back")
    assert Versions().load("mine", 3).row("fear")[5] == 0.2
    assert draft(opened).number == 3
    assert "**1 cell differs**" in words(opened) or "equal in every cell" in words(opened)


def test_somebody_elses_save_is_never_overwritten(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    Versions().save("mine", draft(opened).table.edited("anger", 9, 0.5), 1, "wrinkles")
    press(weigh(opened, 0.4), "Save")
    assert Versions().newest("mine") == 2
    assert "Somebody saved version 2" in words(opened)
    assert "anger AU9: none → .50" in words(opened)
    press(opened, "Put mine on top of theirs")
    assert draft(opened).table.row("anger")[9] == 0.5
    assert draft(opened).table.row("fear")[5] == 0.4
    press(opened, "Save")
    assert Versions().load("mine", 3) == draft(opened).table
    assert not shop(opened).conflict


def test_a_conflict_is_left_by_another_name_or_by_taking_theirs(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    Versions().save("mine", DU, 1)
    press(weigh(opened, 0.4), "Save")
    save_as(opened, "mine-too")
    assert Versions().load("mine-too").row("fear")[5] == 0.4
    assert not shop(opened).conflict
    table(opened).set_value("mine").run()
    assert draft(opened).table == DU


def test_delete_is_undone(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    press(open_file_menu(opened), "Delete")
    assert Versions().names() == ()
    assert shop(opened).open == "du2014"
    press(opened, "Bring it back")
    assert shop(opened).open == "mine"
    assert draft(opened).table.row("fear")[5] == 0.2


def test_duplicate_opens_the_copy(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    press(open_file_menu(opened), "Duplicate")
    assert shop(opened).open == "mine-1"
    assert Versions().load("mine-1") == Versions().load("mine")


def test_an_edit_waits_while_another_table_is_open(opened: AppTest):
    weigh(opened, 0.2)
    table(opened).set_value("affwild2").run()
    assert draft(opened).table == RelatednessTable.named("affwild2")
    table(opened).set_value("du2014").run()
    assert draft(opened).table.row("fear")[5] == 0.2
    press(open_file_menu(opened), "Discard the changes")
    assert draft(opened).table == DU


def test_a_file_is_imported_and_a_broken_one_refused_with_its_cell(opened: AppTest):
    open_file_menu(opened)
    upload = opened.file_uploader(key="rel import")
    upload.set_value(("mine.csv", b"category,AU01,AU12\nhappiness,,1.7\n", "text/csv")).run()
    assert opened.error[0].value.startswith("mine.csv: line 2: happiness, AU12")
    assert shop(opened).open == "du2014"
    upload = open_file_menu(opened).file_uploader(key="rel import")
    upload.set_value(("mine.csv", b"category,AU01,AU12\nhappiness,,0.7\n", "text/csv")).run()
    assert shop(opened).open == "mine.csv"
    assert draft(opened).table.row("happiness") == {12: 0.7}


def test_a_table_deleted_elsewhere_is_told(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    Versions().delete("mine")
    press(weigh(opened, 0.4), "Save")
    assert "deleted meanwhile" in opened.error[0].value
    assert draft(opened).table.row("fear")[5] == 0.4


def test_a_world_is_counted_and_its_changed_cells_named(opened: AppTest):
    save_as(weigh(opened, 0.0), "no-lids")
    opened.button_group(key="rel view pick").set_value("Infer").run()
    opened.selectbox(key="rel world table").set_value("no-lids").run()
    opened.number_input(key="rel world count").set_value(600).run()
    press(opened, "Draw and count")
    assert "**du2014 is contradicted in 1**" in words(opened)
    assert "**fear AU5** seen less often" in words(opened)
    press(opened, "Open as a table")
    assert draft(opened).origin == "inferred"
    assert draft(opened).table.row("fear").get(5, 0) < 0.1


def test_data_that_is_not_there_is_told(opened: AppTest, tmp_path: Path):
    opened.button_group(key="rel view pick").set_value("Infer").run()
    opened.button_group(key="rel infer source").set_value("Data sets").run()
    opened.text_input(key="rel data").set_value(str(tmp_path / "nothing")).run()
    press(opened, "Count")
    assert not opened.exception
    assert "nothing" in opened.error[0].value


def test_two_tables_stand_side_by_side(opened: AppTest):
    opened.button_group(key="rel view pick").set_value("Infer").run()
    opened.button_group(key="rel infer source").set_value("Two tables").run()
    assert not opened.exception
    assert "They agree in" in words(opened)
    parted = opened.dataframe[0].value
    row = parted[(parted["Expression"] == "Fear") & (parted["AU"] == "AU7 Lid tightener")]
    assert row["affwild2"].tolist() == [0.57]


def test_a_face_shows_what_the_edit_does(opened: AppTest):
    weigh(opened, 0.0)
    opened.button_group(key="rel view pick").set_value("On a face").run()
    assert not opened.exception
    assert [metric.label for metric in opened.metric] == ["Distribution matching", "Soft co-annotation", "Conflicts"]
    assert all("by the edit" in metric.delta for metric in opened.metric)


def test_a_comparison_is_asked_for_with_the_tables_as_they_stand(opened: AppTest, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple] = []

    def start(kind: str, title: str, parameters: dict) -> None:
        asked.append((kind, title, parameters))
        raise JobError("the disk is full")

    monkeypatch.setattr("fbn.jobs.start", start)
    weigh(opened, 0.0)
    opened.button_group(key="rel view pick").set_value("Training").run()
    assert "None yet" in words(opened)
    press(opened, "Start the comparison")
    ((kind, title, parameters),) = asked
    assert (kind, title) == ("compare", "du2014 against du2014 (as edited)")
    assert parameters["base"] == DU
    assert parameters["edited"] == draft(opened).table
    assert parse(kind, parameters).budget.seeds == 2
    assert opened.error[0].value == "the disk is full"


def at(**address: str) -> AppTest:
    """The page in another session, by a link."""
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/relatedness.py")
    test.query_params.update(address)
    return test.run()


def test_a_link_leads_to_a_table_and_a_view_and_what_is_none_is_told(opened: AppTest):
    Versions().save("mine", DU.edited("fear", 5, 0.1), 0)
    test = at(table="mine", view="Versions")
    assert shop(test).open == "mine"
    assert "**Saved versions of “mine”**" in words(test)
    assert not test.warning
    test = at(table="gone", view="nope")
    assert shop(test).open == "du2014"
    assert [each.value.partition(", and")[0] for each in test.warning] == [
        "The address asks for the table “gone”",
        "The address asks for the view “nope”",
    ]
    table(test).set_value("mine").run()
    assert test.query_params["table"] == "mine"


def test_an_edit_is_compared_with_what_it_began_from_also_when_it_is_saved(opened: AppTest):
    weigh(opened, 0.2)
    assert draft(opened).parent == ("du2014", DU)
    save_as(opened, "mine")
    assert draft(opened).parent == ("du2014", DU)
    first = draft(opened).table
    press(weigh(opened, 0.4), "Save")
    assert draft(opened).parent == ("mine@1", first)
    # another session knows it too
    assert draft(at(table="mine")).parent == ("mine@1", first)
    Versions().save("copied", first, 0)
    assert draft(at(table="copied")).parent == ("du2014", DU)


def test_what_to_compare_with_is_chosen_and_outlives_saving(opened: AppTest):
    def against() -> Selectbox:
        return next(widget for widget in opened.selectbox if widget.label == "Compare with")

    assert against().options[0] == "Before the edit (du2014)"
    against().set_value("affwild2").run()
    save_as(weigh(opened, 0.2), "mine")
    assert draft(opened).compare_with == "affwild2"
    opened.button_group(key="rel view pick").set_value("On a face").run()
    assert not opened.exception
    assert all("against affwild2" in metric.delta for metric in opened.metric)


def test_what_was_said_belongs_to_its_view(opened: AppTest):
    save_as(weigh(opened, 0.2), "mine")
    assert "Saved as “mine”, version 1." in words(opened)
    opened.button_group(key="rel view pick").set_value("Versions").run()
    assert "Saved as" not in words(opened)
    opened.button_group(key="rel view pick").set_value("Edit").run()
    assert "Saved as" not in words(opened)
    save_as(weigh(opened, 0.3), "du2014")
    assert opened.error
    opened.switch_page("pages/about.py").run()
    opened.switch_page("pages/relatedness.py").run()
    assert not opened.error
    assert draft(opened).dirty, "the edit itself is still there"


@pytest.mark.parametrize("table_first", [False, True])
def test_an_edit_goes_into_the_table_it_was_made_in_also_where_another_is_opened_in_the_same_run(
    opened: AppTest, table_first: bool
):
    moves = [lambda: slider(opened).set_value(0.2), lambda: table(opened).set_value("affwild2")]
    for move in reversed(moves) if table_first else moves:
        move()
    opened.run()
    assert shop(opened).open == "affwild2"
    assert draft(opened).table == RelatednessTable.named("affwild2")
    assert shop(opened).drafts["du2014"].table.row("fear")[5] == 0.2


@pytest.fixture
def people(opened: AppTest) -> AppTest:
    """The page on an imported table of three people and three attributes."""
    csv = "identity,Male,Young,Eyeglasses\n2,1,0.5,0\n10,0,0.75,0.25\nann,0,0,1\n"
    table = load_table("people.csv", csv.encode())
    opened.session_state["relatedness"] = shop(opened).add("people.csv", table, "imported")
    opened.session_state["relatedness table"] = "people.csv"
    return opened.run()


def test_a_table_of_people_is_searched_and_sorted(people: AppTest) -> None:
    assert "3 people" in words(people)
    people.text_input(key="rel people find").set_value("N").run()
    assert "1 of 3 people" in words(people)
    people.text_input(key="rel people find").set_value("nobody").run()
    assert "Nobody of that name" in words(people)
    people.text_input(key="rel people find").set_value("")
    people.selectbox(key="rel people order").set_value("Young").run()
    assert list(people.dataframe[0].value["person"]) == ["10", "2", "ann"]


def test_the_table_of_people_is_edited_noted_and_saved(people: AppTest) -> None:
    label = shop(people).open
    people.session_state["relatedness"] = shop(people).edit(label, Draft.with_block, {("ann", "Male"): "0.25"})
    people.run()
    assert people.dataframe[0].value.set_index("person").loc["ann", "Male"] == 0.25
    press(people, "Undo")
    assert draft(people).table.row("ann") == {"Eyeglasses": 1.0}
    press(people, "Redo")
    save_as(people, "mine")
    assert Versions().load("mine").row("ann")["Male"] == 0.25


@pytest.mark.parametrize("panel", ["Attributes", "Two people", "Notes"])
def test_each_panel_of_a_table_of_people_is_shown(people: AppTest, panel: str) -> None:
    next(each for each in people.button_group if panel in each.options).set_value(panel).run()
    assert not people.exception


@pytest.mark.parametrize("view", ["Versions", "Infer", "On a face", "Training"])
def test_other_views_stand_a_table_of_people(people: AppTest, view: str) -> None:
    people.session_state["rel view"] = view
    people.run()
    assert not people.exception
    if view in ("On a face", "Training"):
        assert "open one of those" in words(people)
