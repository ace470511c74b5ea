"""The Compound page, run by Streamlit's own harness. The labeller needs a browser: see tests/browser."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.data.compound import read_labels
from fbn.data.picture_sets import PictureSet, PictureSets
from fbn.data.set_uploads import create_from_uploads
from fbn.jobs import JobError
from fbn.jobs.kinds import parse
from fbn.resources import shipped
from fbn.synthetic.picture_set import draw_picture_set
from fbn.ui.compound.label import LabellerState, apply_actions
from fbn.ui.compound.shared import Work
from fbn.vocabulary import COMPOUND_RAFDB
from tests.data.test_picture_sets import CLASSES, png, upload, zipped
from tests.ui.conftest import Reader, press, words
from tests.ui.few_shot import result


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", Reader)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn", "other"))
    return tmp_path


@pytest.fixture
def labelled(home: Path) -> PictureSet:
    """Two pictures of each of two classes."""
    files = {f"{name}/{i}{name[:1]}.png": png(40 + i) for name in CLASSES for i in range(2)}
    return create_from_uploads(PictureSets(), "mine", (), [upload("set.zip", zipped(**files))])[0]


def opened(view: str = "") -> AppTest:
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    if view:
        test.session_state["compound view"] = view
    return test.switch_page("pages/compound.py").run()


def test_a_machine_without_sets_shows_three_ways_and_takes_an_upload(home: Path):
    test = opened()
    assert not test.exception
    assert test.title[0].value == "Compound expressions"
    disabled = {button.label: button.disabled for button in test.button}
    assert (disabled["Make the set"], disabled["Use this folder"], disabled["Draw faces"]) == (True, True, False)
    test.file_uploader(key="compound files").set_value([("a.png", png(), "image/png"), ("b.png", png(9), "image/png")])
    test.run()
    press(test, "Make the set")
    assert not test.exception
    assert PictureSets().open("my-faces").files() == ["a.png", "b.png"]
    assert PictureSets().open("my-faces").classes == COMPOUND_RAFDB
    assert test.session_state["compound view"] == "Label"
    assert "“my-faces”: 2 pictures taken." in words(test)


def test_a_bad_zip_and_a_wrong_folder_are_told_in_words(home: Path):
    test = opened()
    test.file_uploader(key="compound files").set_value([("up.zip", zipped(**{"../a.png": png()}), "application/zip")])
    test.run()
    press(test, "Make the set")
    assert test.error[0].value.startswith("up.zip: '../a.png' would lie outside")
    test.text_input(key="compound path").set_value(str(home / "nothing")).run()
    press(test, "Use this folder")
    assert not test.exception
    assert "nothing" in test.error[0].value
    assert PictureSets().names() == []


def test_a_folder_is_pointed_at(home: Path, labelled: PictureSet):
    PictureSets().delete("mine")
    theirs = home / "theirs"
    for name in CLASSES:
        (theirs / name).mkdir(parents=True)
        (theirs / name / "a.png").write_bytes(png())
    test = opened()
    test.text_input(key="compound path").set_value(str(theirs)).run()
    press(test, "Use this folder")
    assert not test.exception
    assert "2 labelled pictures" in words(test)
    assert PictureSets().open("theirs").data == theirs
    test.button_group(key="compound view pick").set_value("Label").run()
    press(test, "Take a copy to label")
    assert not test.exception
    assert PictureSets().open("theirs-copy").labels.read() == {"a.png": CLASSES[0], "a (2).png": CLASSES[1]}


def test_a_set_is_checked_relabelled_in_classes_and_put_aside(labelled: PictureSet):
    test = opened()
    assert "**4 of 4 pictures have a label**" in words(test)
    test.multiselect(key="compound classes of mine").set_value([*CLASSES, "awed"]).run()
    press(test, "Keep")
    assert PictureSets().open("mine").classes == (*CLASSES, "awed")
    test.multiselect(key="compound classes of mine").set_value(["awed", CLASSES[0]]).run()
    press(test, "Keep")
    assert "still labelled so" in test.error[0].value
    press(test, "Remove the set")
    assert PictureSets().names() == []
    press(test, "Bring it back")
    assert not test.exception
    assert len(PictureSets().open("mine").labels.read()) == 4


def test_a_damaged_file_of_labels_does_not_break_the_page(labelled: PictureSet):
    (labelled.folder / "labels.csv").write_text("pictures;names\n")
    for view in ("Pictures", "Label", "Train"):
        test = opened(view)
        assert not test.exception
        assert "labels.csv" in words(test)


def test_learning_is_asked_for_with_the_set_as_it_stands(labelled: PictureSet, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str, dict[str, Any]]] = []

    def start(kind: str, title: str, parameters: dict[str, Any]) -> None:
        asked.append((kind, title, parameters))
        raise JobError("the disk is full")

    monkeypatch.setattr("fbn.jobs.start", start)
    test = opened("Train")
    test.button_group(key="compound ask shots").set_value("5").run()
    press(test, "Start learning")
    assert not test.exception
    ((kind, title, parameters),) = asked
    assert (kind, title) == ("fewshot", "mine: linear probe")
    checked = parse(kind, parameters)
    assert (checked.data, checked.shots, checked.name, checked.overwrite) == (labelled.folder, 5, "mine", False)
    assert "the disk is full" in [error.value for error in test.error]
    test.text_input(key="compound ask name mine").set_value("other").run()
    assert next(button for button in test.button if button.label == "Start learning").disabled
    test.checkbox(key="compound ask replace").check().run()
    press(test, "Start learning")
    assert parse(kind, asked[-1][2]).overwrite is True


def test_nothing_can_be_learned_from_one_class(home: Path):
    chosen, _ = create_from_uploads(PictureSets(), "mine", CLASSES, [upload("a.png", png())])
    chosen.labels.put({"a.png": CLASSES[0]})
    test = opened("Train")
    assert next(button for button in test.button if button.label == "Start learning").disabled
    assert "at least two classes" in words(test)


def test_a_result_is_shown_and_its_wrong_label_looked_at_again(labelled: PictureSet, monkeypatch: pytest.MonkeyPatch):
    found = result(model="other", wrong=[{**result()["wrong"][0], "path": "1s.png"}])
    now = datetime.now(UTC)
    job = SimpleNamespace(
        id="20260102-030405-a1b2c3", kind="fewshot", folder=labelled.folder, title="mine: linear probe", status="done",
        active=False, cancelling=False, created=now, queued=now, seconds=12.0, progress=1.0, message="done",
        parameters={"data": str(labelled.folder)}, result=lambda: found, log=lambda lines: "",
    )  # fmt: skip
    monkeypatch.setattr("fbn.jobs.jobs", lambda: [job])
    test = opened("Train")
    assert not test.exception
    assert "The pictures **made it better**" in words(test)
    assert "Saved as **other**" in words(test)
    assert "75 %" in [metric.value for metric in test.metric]
    press(test, "Look at it again")
    assert not test.exception
    assert test.session_state["compound view"] == "Label"
    state = test.session_state["compound labellers"]["mine"]
    assert labelled.files()[state.at] == "1s.png"


def message(*actions: dict[str, Any], id: str = "a", at: int = 0) -> dict[str, Any]:
    return {"id": id, "at": at, "actions": [{**action, "n": n} for n, action in enumerate(actions, start=1)]}


def label(i: int, to: int) -> dict[str, Any]:
    return {"kind": "label", "i": i, "file": f"{i}.png", "label": to}


def test_what_is_told_twice_is_done_once_and_strangers_are_passed_over(home: Path):
    chosen, _ = create_from_uploads(PictureSets(), "mine", CLASSES, [upload(f"{i}.png", png(i)) for i in range(3)])
    state, names = LabellerState(0), chosen.files()

    def hear(told: dict[str, Any]) -> dict[str, str]:
        apply_actions(chosen, state, names, CLASSES, told)
        return chosen.labels.read()

    first, second = label(0, 0), label(0, 1)
    assert hear(message(first)) == {"0.png": CLASSES[0]}
    assert hear(message(first, second, at=1)) == {"0.png": CLASSES[1]}
    assert hear(message(first, second, {"kind": "undo"})) == {"0.png": CLASSES[0]}
    assert (state.at, state.done) == (0, 3)
    assert hear(message(first, second, {"kind": "undo"})) == {"0.png": CLASSES[0]}
    assert len(chosen.labels.history().past) == 1
    assert hear(message({"kind": "redo"}, id="b")) == {"0.png": CLASSES[1]}
    strange = [{"kind": "label", "i": 0, "file": "../x.png", "label": 0}, label(1, 7), label(0, -1)]
    assert hear(message(*strange, id="c")) == {}


def test_drawn_faces_are_a_set_with_a_test_part_or_wait_for_labels(tmp_path: Path):
    sets, shares = PictureSets(tmp_path), []
    made = draw_picture_set(sets, 4, True, shares.append)
    found = read_labels(made.source)
    assert {sample.part for sample in found.samples} == {"train", "test"}
    assert shares == [0, 0.25, 0.5, 0.75]
    unlabelled = draw_picture_set(sets, 2, False, shares.append)
    assert (len(unlabelled.files()), unlabelled.labels.read()) == (2, {})


def test_work_can_be_stopped_leaves_nothing_and_says_what_failed(tmp_path: Path):
    sets = PictureSets(tmp_path)
    work = Work("drawing", lambda report: draw_picture_set(sets, 10_000, True, report))
    work.cancel()
    assert work.wait(60)
    assert (work.running, work.result, work.problem) == (False, None, "")
    assert list(tmp_path.iterdir()) == []
    failed = Work("failing", lambda report: np.zeros(3)[7])
    assert failed.wait(10)
    assert failed.problem.startswith("IndexError: ")


@pytest.mark.parametrize("there", [True, False])
def test_a_set_and_a_view_in_the_address_that_do_not_exist_are_told(
    there: bool, request: pytest.FixtureRequest, home: Path
):
    if there:
        request.getfixturevalue("labelled")
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/compound.py")
    test.query_params.update({"set": "gone", "view": "nope"})
    test.run()
    assert not test.exception
    told = [each.value.partition(", and")[0] for each in test.warning]
    assert told == ["The address asks for the set of pictures “gone”", "The address asks for the view “nope”"]


def test_a_view_in_the_address_waits_for_a_set(home: Path):
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/compound.py")
    test.query_params["view"] = "Train"
    test.run()
    assert not test.exception
    assert not test.warning
