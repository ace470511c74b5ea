"""The Study page, run by Streamlit's own harness."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fbn import jobs
from fbn.jobs import JobError
from fbn.jobs.kinds import parse
from fbn.resources import shipped
from fbn.studies.affect import AffectRequest
from fbn.studies.read import StudyResult
from fbn.studies.registry import StudyRequest
from fbn.ui.study import page
from tests.ui.conftest import FakeAnalyser, press, words
from tests.ui.studied import make


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No job, and no study that ships; gives the folder of shipped ones."""
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    folder = tmp_path / "shipped" / "affect"
    folder.mkdir(parents=True)
    monkeypatch.setattr("fbn.studies.committed.shipped", lambda name: tmp_path / "shipped" / name.rpartition("/")[2])
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What was asked for as a job."""
    asked: list[tuple[str, str, dict[str, Any]]] = []

    def start(kind: str, title: str, parameters: dict[str, Any]) -> None:
        asked.append((kind, title, parameters))
        raise JobError("no space is left on the disk")

    monkeypatch.setattr(jobs, "start", start)
    return asked


def opened(view: str = "", study: str = "") -> AppTest:
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    for key, value in (("study view", view), ("study open", study)):
        if value:
            test.session_state[key] = value
    return test.switch_page("pages/study.py").run()


def test_without_studies_one_can_be_asked_for_or_opened(started: list[Any], tmp_path: Path):
    test = opened()
    assert not test.exception
    assert test.title[0].value == "Study"
    assert "No study is here yet" in words(test)
    test.number_input(key="study ask affect action_units").set_value(40).run()
    press(test, "Start")
    ((kind, title, asked),) = started
    rows = ("single-expression", "single-au", "single-va", "none", "co", "both")
    request = AffectRequest(budget="smoke", rows=rows, action_units=40)
    assert parse(kind, asked) == StudyRequest(study="affect", request=request)
    assert title == "Affect: smoke study, drawn faces, 6 rows"
    assert test.error[0].value == "no space is left on the disk"
    test.number_input(key="study ask seeds affect smoke").set_value(3).run()
    test.text_input(key="study ask data affect").set_value("~/faces").run()
    press(test, "Start")
    assert (started[1][2]["request"]["seeds"], started[1][2]["request"]["data"]) == (
        3,
        str(Path.home().resolve() / "faces"),
    )


def test_a_view_in_the_address_that_does_not_exist_is_told_without_a_study():
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/study.py")
    test.query_params["view"] = "nope"
    test.run()
    assert not test.exception
    assert [each.value.partition(", and")[0] for each in test.warning] == ["The address asks for the view “nope”"]


def test_a_folder_is_opened_and_a_wrong_one_named(tmp_path: Path):
    make(tmp_path / "mine")
    test = opened()
    press(test, "Open it")
    assert test.error[0].value == "Name a folder first."
    test.text_input(key="study path").set_value(str(tmp_path))
    press(test, "Open it")
    assert "not a study, or not finished" in test.error[0].value
    test.text_input(key="study path").set_value(str(tmp_path / "mine"))
    press(test, "Open it")
    assert not test.exception
    assert not test.error
    assert test.subheader[0].value == "This study, figure by figure"
    assert any(said.startswith("Nobody has put into words yet") for said in captions(test))


def test_a_shipped_study_shows_every_view_its_notes_and_files(nothing_yet: Path):
    make(nothing_yet / "scarce-labels")
    (nothing_yet / "PLAN.md").write_text("# The plan\nFixed before.\n")
    (nothing_yet / "NOTE.md").write_text(
        "# Note\n\n## What was found\n\nIt pays.\n\n## The papers' claims\n\nThe first holds.\n"
    )
    test = opened()
    assert not test.exception
    assert test.selectbox(key="study open pick").options == ["Scarce labels (ships with fbn)"]
    assert [each.value for each in test.subheader] == [
        "What was found",
        "Where coupling pays, and where it does not",
        "This study, figure by figure",
    ]
    assert "It pays." in words(test)
    assert "is better than no coupling on **16** of 16 figures" in words(test)
    assert test.button_group(key="study situations arms").options == [
        "Distribution matching",
        "Soft co-annotation + matching",
    ]
    test.button_group(key="study situations arms").set_value(["match", "both"]).run()
    assert not test.exception
    test.button_group(key="study situations arms").set_value([]).run()
    assert "Pick an arm." in captions(test)
    assert "What was trained, on what" in [each.label for each in test.expander]
    done = next(each.value for each in test.dataframe if "Coupling losses" in each.value)
    assert "soft co-annotation 0.3, distribution matching 0.2" in set(done["Coupling losses"])
    assert set(done["Steps"]) == {500}
    assert "valence and arousal" in words(test)
    assert "The plan" in [each.label for each in test.expander]
    assert {button.label for button in test.get("download_button")} == {
        "Figures and differences (summary.csv)",
        "AUs and expressions (details.csv)",
        "Training curves (curves.csv)",
        "Every run (runs.csv)",
    }
    # another beside it for the view of several
    make(nothing_yet / "plenty", action_units=2400)
    make(nothing_yet / "a-few", rows=("none", "both"), seeds=1)
    assert opened().selectbox(key="study open pick").value == "plenty"
    for view in page.views_of(StudyResult.read(nothing_yet / "scarce-labels")):
        test = opened(view, "scarce-labels")
        assert not test.exception, view
        assert not test.error, view
        assert test.get("plotly_chart"), view
    assert "The first holds." in words(test)


def test_a_study_of_architectures_tells_of_each(nothing_yet: Path):
    names = ("vgg-face", "resnet-50", "densenet-121")
    rows = tuple(f"{name}-{end}" for name in names for end in ("none", "both"))
    make(nothing_yet / "bodies", rows=rows)
    test = opened()
    assert not test.exception
    arms = test.selectbox(key=f"study arm {nothing_yet / 'bodies'}")
    assert arms.value == "vgg-face-both"
    assert "VGG-FACE, both couplings" in arms.options
    test = opened("Training")
    (picked,) = (each for each in test.multiselect if each.label == "Arms")
    assert picked.value == ["vgg-face-none", "vgg-face-both"]
    # what can be compared is shown without having to be asked for
    make(nothing_yet / "beside", rows=("none", *rows))
    table = opened("All figures", "beside")
    assert not table.exception
    assert table.get("plotly_chart")
    assert table.dataframe[0].value.shape[0] == 3


def test_rows_and_figures_are_filtered(nothing_yet: Path):
    folder = make(nothing_yet / "few")
    test = opened("All figures")
    assert len(test.get("plotly_chart")) == 6
    test.multiselect(key=f"study sets {folder}").set_value(["bp4d"]).run()
    assert [chart.proto.id for chart in test.get("plotly_chart")]
    assert len(test.get("plotly_chart")) == 2
    test.multiselect(key=f"study figures {folder}").set_value(["f1"]).run()
    (chart,) = test.get("plotly_chart")
    drawn = json.loads(chart.proto.spec)
    assert drawn["layout"]["yaxis"]["ticktext"] == ["Distribution matching", "Soft co-annotation + matching"]
    (table,) = test.dataframe
    assert list(table.value.index) == ["Distribution matching", "Soft co-annotation + matching"]
    test.button_group(key="study figures shown").set_value("Values").run()
    assert list(test.dataframe[0].value.index)[4:] == ["Chance"]
    assert set(test.dataframe[0].value.loc["Chance"]) == {0.14}
    test.multiselect(key=f"study rows {folder}").set_value(["both"]).run()
    (chart,) = test.get("plotly_chart")
    assert json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"] == ["Soft co-annotation + matching"]
    test.button_group(key=f"study groups {folder}").set_value([]).run()
    assert "Nothing is left" in words(test)
    assert not test.exception


def captions(test: AppTest) -> list[str]:
    return [each.value for each in test.caption]


def test_each_au_and_expression_differs_with_its_interval(nothing_yet: Path):
    folder = make(nothing_yet / "few")
    test = opened("AUs and expressions")
    (chart,) = test.get("plotly_chart")
    show = test.button_group(key="study detail show 2")
    assert show.options == ["Values", "Against no coupling", "Against single-task"]
    show.set_value("uncoupled").run()
    assert not test.exception
    (chart,) = test.get("plotly_chart")
    drawn = json.loads(chart.proto.spec)
    assert drawn["layout"]["yaxis"]["ticktext"][0] == "AU1 Inner brow raiser"
    hover = {trace["name"].split(",")[0]: trace["customdata"] for trace in drawn["data"]}
    assert {name: len(each) for name, each in hover.items()} == {"better": 1, "cannot be told": 2}
    assert "5 seeds" in hover["better"][0][0]
    assert "bootstrap" not in hover["better"][0][0]
    test.button_group(key="study detail show 2").set_value("single").run()
    assert len(test.get("plotly_chart")) == 2
    test.multiselect(key=f"study detail rows {folder}").set_value(["none"]).run()
    test.button_group(key="study detail show 2").set_value("uncoupled").run()
    assert "None of these arms is compared with no coupling." in captions(test)
    test.multiselect(key=f"study detail rows {folder}").set_value([]).run()
    assert "Pick an arm." in captions(test)
    test.button_group(key="study detail").set_value("recall").run()
    assert not test.exception


def test_a_study_of_an_older_version_kept_means_of_aus_alone(nothing_yet: Path):
    path = make(nothing_yet / "old") / "details.csv"
    kept = ["row", "set", "figure", "filtered", "name", "mean", "seeds"]
    pd.read_csv(path)[kept].to_csv(path, index=False)
    test = opened("AUs and expressions")
    assert not test.exception
    assert len(test.get("plotly_chart")) == 1
    assert any(said.startswith("This study's table has means alone") for said in captions(test))


def test_a_study_of_one_row_hides_what_it_lacks(nothing_yet: Path):
    make(nothing_yet / "alone", rows=("single-au",), seeds=1)
    assert "No arm of this study is compared with another." in captions(opened("AUs and expressions"))
    test = opened()
    assert not test.exception
    assert "No arm of this study is coupled" in words(test)
    views = ["What was found", "All figures", "AUs and expressions", "Training", "Run one"]
    assert test.button_group(key="study view pick").options == views


def test_names_in_the_address_that_do_not_exist_are_told(nothing_yet: Path, tmp_path: Path):
    make(nothing_yet / "alone", rows=("single-au",), seeds=1)

    def at(**address: str) -> AppTest:
        test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run().switch_page("pages/study.py")
        test.query_params.update(address)
        test.run()
        assert not test.exception
        return test

    assert not at(study="alone", view="Training").warning
    (told,) = at(view="Video").warning
    assert told.value.startswith("The address asks for the view “Video”")
    (told,) = at(study="20260102-030405-a1b2c3").warning
    assert "There are: alone." in told.value
    # a folder that was opened is found again by its address
    folder = make(tmp_path / "mine", rows=("none", "both"), seeds=1)
    test = at(study=str(folder))
    assert not test.warning
    assert test.selectbox(key="study open pick").value == str(folder)


def test_a_smoke_study_warns_and_a_damaged_one_is_told(nothing_yet: Path):
    folder = make(nothing_yet / "quick", budget="smoke", seeds=2)
    assert "Its figures mean nothing" in words(opened())
    (folder / "summary.json").write_text("{}")
    test = opened()
    assert not test.exception
    assert "summary.json" in test.error[0].value


def test_what_a_job_found_is_opened_from_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = make(tmp_path / "home" / "jobs" / "20260102-030405-a1b2c3")
    when = "2026-01-02T03:04:05+00:00"
    asked = {"kind": "study", "title": "Mine", "parameters": {}, "device": "cpu", "created": when}
    ended = {"status": "done", "share": 1, "words": "done", "queued": when, "started": when, "ended": when, "pid": 1}
    (folder / "job.json").write_text(json.dumps(asked))
    (folder / "state.json").write_text(json.dumps(ended))
    (folder / "result.json").write_text((folder / "summary.json").read_text())
    test = opened("Run one")
    assert not test.exception
    assert "is better than no coupling on **16** of 16 figures" in words(test)
    press(test, "Open this study")
    assert not test.exception
    assert test.session_state["study view"] == "What was found"
    assert test.session_state["study open"] == folder.name
