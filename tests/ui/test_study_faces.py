"""The study of identity and attributes: read, beside the paper, and on the Study page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from fbn import jobs
from fbn.cli import application
from fbn.jobs import JobError
from fbn.jobs.kinds import parse
from fbn.resources import shipped
from fbn.studies.beside import alike, beside_papers, offered, paper_values, situations
from fbn.studies.committed import CLAIMS, committed, note_section
from fbn.studies.faces import FacesRequest
from fbn.studies.read import StudyResult, differences
from fbn.studies.registry import StudyRequest
from tests.ui.conftest import FakeAnalyser, press, words
from tests.ui.studied_faces import BASES, make, value


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return StudyResult.read(make(tmp_path_factory.mktemp("faces")))


@pytest.fixture
def assets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No job, and no study that ships; gives the folder of those of faces."""
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    folder = tmp_path / "shipped" / "faces"
    folder.mkdir(parents=True)
    monkeypatch.setattr("fbn.studies.committed.shipped", lambda name: tmp_path / "shipped" / name.rpartition("/")[2])
    return folder


def opened(view: str = "", study: str = "") -> AppTest:
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    for key, chosen in (("study view", view), ("study open", study)):
        if chosen:
            test.session_state[key] = chosen
    return test.switch_page("pages/study.py").run()


def shown(test: AppTest) -> str:
    """Everything that the page says, without help."""
    return words(test) + "\n".join(each.value for each in [*test.caption, *test.subheader])


class TestRead:
    def test_it_is_read_as_the_study_that_it_is(self, result: StudyResult) -> None:
        assert result.definition.name == "faces"
        assert result.about().startswith(
            "Drawn people · budget small · 5 seeds · 600 steps · attribute labels on 2,600 of 2,600 training pictures"
        )
        assert list(result.arms["label"]) == [
            "Single-task networks",
            "No coupling",
            "Distribution matching",
            "Late matching to q",
        ]
        assert list(dict.fromkeys(result.figures["task"])) == ["identity", "attributes", "implied"]
        assert result.measure("strangers/attribute_auc") == "Strangers · ROC area"
        assert result.measure("known/implied_balanced") == "Known people · implied balanced accuracy"

    def test_what_is_read_first_is_what_the_plan_says(self, result: StudyResult, tmp_path: Path) -> None:
        assert result.main_arms == ["match"]
        assert result.first_keys("match") == ["known/identity_accuracy", "known/attribute_balanced"]
        scarce = StudyResult.read(make(tmp_path, attributes=10))
        assert scarce.main_arms == ["match-late"]
        assert scarce.first_keys("match-late")[0] == "known/attribute_auc"
        assert "attribute labels on 260 of 2,600 training pictures" in scarce.about()

    def test_a_folder_that_does_not_name_its_study_is_known_by_its_request(self, tmp_path: Path) -> None:
        path = make(tmp_path) / "summary.json"
        content = json.loads(path.read_text())
        assert content.pop("name") == "faces"
        path.write_text(json.dumps(content))
        assert StudyResult.read(tmp_path).definition.name == "faces"

    @pytest.mark.parametrize(("side", "base"), [("uncoupled", "none"), ("single", "single")])
    def test_differences_are_those_that_scipy_finds(self, result: StudyResult, side: str, base: str) -> None:
        found = differences(result.of_arm("match-late"), side).set_index("key")
        assert set(found.index) == set(BASES)
        ticks = result.seed_differences(side)
        for key, row in found.iterrows():
            single = "single-identity" if str(key).startswith("known/i") else "single-attributes"
            theirs = single if base == "single" else base
            own, other = ([value(arm, seed, str(key)) for seed in range(5)] for arm in ("match-late", theirs))
            reach = stats.ttest_rel(own, other).confidence_interval(0.95)
            assert row["difference"] == pytest.approx(np.mean(own) - np.mean(other), abs=2e-5)
            assert (row["low"], row["high"]) == (
                pytest.approx(reach.low, abs=2e-5),
                pytest.approx(reach.high, abs=2e-5),
            )
            assert row["chance"] == BASES[str(key)][1]
            assert sorted(ticks["match-late", str(key)]) == pytest.approx(
                sorted(a - b for a, b in zip(own, other, strict=True)), abs=2e-5
            )


class TestBeside:
    def test_the_papers_differences_stand_beside_those_here(self, result: StudyResult) -> None:
        titles = [each.title for each in offered(result)]
        assert titles[0] == "Distribution matching − no coupling"
        found = beside_papers(result, offered(result)[0]).set_index("key")
        # Table VIII: 87.28 - 82.71, 93.22 - 91.98
        assert found.loc["known/identity_accuracy", "A"] == pytest.approx(0.0457)
        assert found.loc["known/attribute_accuracy", "A"] == pytest.approx(0.0124)
        assert found.loc["known/identity_accuracy", "same"] == "yes"
        assert found.loc["known/attribute_accuracy", "same"] == ""
        assert np.isnan(found.loc["strangers/attribute_auc", "A"])
        single = next(each for each in offered(result) if each.title == "No coupling − single-task")
        found = beside_papers(result, single).set_index("key")
        # 82.71 - 80.43; here the single-task network is better
        assert found.loc["known/identity_accuracy", ["A", "same"]].to_list() == [pytest.approx(0.0228), "no"]

    def test_values_stand_beside_the_papers(self, result: StudyResult) -> None:
        table = paper_values(result)
        assert list(table.columns[:2]) == [
            ("Known people · identity accuracy", "A"),
            ("Known people · identity accuracy", "here"),
        ]
        assert table.loc["Distribution matching"].iloc[0] == pytest.approx(0.8728)
        mean = np.mean([value("match", seed, "known/identity_accuracy") for seed in range(5)])
        assert table.loc["Distribution matching"].iloc[1] == pytest.approx(mean, abs=1e-5)
        assert table.loc["VGG-FACE, nothing couples its tasks"].iloc[0] == pytest.approx(0.8007)

    def test_studies_of_fewer_labels_stand_beside_each_other(self, result: StudyResult, tmp_path: Path) -> None:
        scarce, one = (make(tmp_path / name, **asked) for name, asked in SCARCE.items())
        every = [StudyResult.read(folder) for folder in (scarce, one)]
        assert [each.scarce_labels for each in alike(result, every)] == [260, 2600]
        found = situations([result, *every], ["match-late"])
        lines = found[(found["aspect"] == "Attributes, ROC area") & ~found["situation"].str.contains("1,300")]
        assert list(lines["situation"]) == ["Drawn, 260 attribute labels", "Drawn, 2,600 attribute labels"]


SCARCE: dict[str, dict[str, Any]] = {"scarce": {"attributes": 10}, "one": {"labels": "one", "attributes": 50}}


def test_the_command_prints_its_tables(result: StudyResult, tmp_path: Path) -> None:
    folder = str(result.folder)

    def table(*options: str) -> list[list[str]]:
        said = CliRunner().invoke(application, ["study", "table", *options])
        assert said.exit_code == 0, said.output
        return [line.strip("| ").split(" | ") for line in said.output.splitlines()]

    head, _, *lines = table(
        folder, "--figures", "known/identity_accuracy,strangers/attribute_auc", "--against", "means"
    )
    assert head == ["row", "Known people · identity accuracy", "Strangers · ROC area"]
    values = [value("none", seed, "known/identity_accuracy") for seed in range(5)]
    assert lines[1][:2] == ["none", f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"]
    head, _, *lines = table(folder, "--figures", "known/attribute_f1", "--each", "--against", "means")
    assert (head[0], [line[0] for line in lines]) == ("name", ["Eyeglasses", "Wearing_Hat"])
    scarce = make(tmp_path / "scarce", attributes=10)
    _, _, *lines = table(folder, str(scarce), "--figures", "known/attribute_auc", "--rows", "match-late")
    assert [line[0].partition(": ")[2] for line in lines] == [
        "2,600 attribute pictures, Known people · ROC area",
        "260 attribute pictures, Known people · ROC area",
    ]


class TestPage:
    def test_it_opens_on_what_was_found_and_hides_what_it_lacks(self, assets: Path) -> None:
        make(assets / "drawn")
        (assets / "NOTE.md").write_text(
            "# Note\n\n## What was found\n\nMatching helps names.\n\n## The paper's claim\n\nHalf of it holds.\n"
        )
        assert [name for name, _ in committed()] == ["faces/drawn"]
        test = opened()
        assert not test.exception
        assert test.selectbox(key="study open pick").options == ["Identity and attributes: drawn (ships with fbn)"]
        assert [each.value for each in test.subheader] == [
            "What was found",
            "Where coupling pays, and where it does not",
            "This study, figure by figure",
        ]
        assert "Matching helps names." in words(test)
        assert "**Distribution matching** is better than no coupling on **4** of 12 figures" in words(test)
        views = ["What was found", "All figures", "Attributes", "Training", "The papers", "Run one"]
        assert test.button_group(key="study view pick").options == views
        for view in views:
            test = opened(view, "faces/drawn")
            assert not test.exception, view
            assert not test.error, view
            assert test.get("plotly_chart") or view == "Run one", view
            # the words of another study; the form's first study is that one
            assert view == "Run one" or not {"AUs", "AU", "valence"} & set(shown(test).replace(",", " ").split()), view
        assert note_section(assets / "drawn", CLAIMS) == "Half of it holds."
        test = opened("The papers", "faces/drawn")
        assert "Half of it holds." in words(test)
        assert "Identity and attributes are both recognised better" in words(test)

    def test_chance_stands_beside_the_values(self, assets: Path) -> None:
        make(assets / "drawn")
        test = opened("All figures", "faces/drawn")
        test.button_group(key="study figures shown").set_value("Values").run()
        (table,) = test.dataframe
        assert table.value.index[-1] == "Chance"
        heads = [("Known people", "identity accuracy"), ("Strangers", "ROC area")]
        assert [table.value.loc["Chance", head] for head in heads] == [0.01, 0.5]

    def test_one_is_started_from_the_form(self, assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[str, str, dict[str, Any]]] = []

        def start(kind: str, title: str, parameters: dict[str, Any]) -> None:
            asked.append((kind, title, parameters))
            raise JobError("no space is left on the disk")

        monkeypatch.setattr(jobs, "start", start)
        test = opened()
        test.selectbox(key="study ask study").set_value("faces").run()
        test.button_group(key="study ask budget faces").set_value("lesson").run()
        test.number_input(key="study ask faces attributes").set_value(10).run()
        test.button_group(key="study ask faces labels").set_value("one").run()
        press(test, "Start")
        assert not test.exception
        ((kind, title, parameters),) = asked
        rows = ("single-identity", "single-attributes", "none", "match")
        request = FacesRequest(budget="lesson", rows=rows, attributes=10, labels="one")
        assert parse(kind, parameters) == StudyRequest(study="faces", request=request)
        assert title == "Faces: lesson study, drawn faces, 4 rows"
        test.text_input(key="study ask data faces").set_value("~/faces").run()
        press(test, "Start")
        assert asked[1][2]["request"]["data"] == str(Path.home().resolve() / "faces")
        assert asked[1][1] == "Faces: lesson study, real faces, 4 rows"
