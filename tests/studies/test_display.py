"""What studies declare about how they are shown fits what they measure and run."""

import pickle

import pandas as pd
import pytest

from fbn.errors import FbnError, FormatError
from fbn.resources import shipped
from fbn.studies.affect import AffectRequest
from fbn.studies.committed import folder_of
from fbn.studies.display import Display, First, Metric
from fbn.studies.faces import FacesRequest
from fbn.studies.registry import STUDIES, StudyRequest, study_of, study_with

every_study = pytest.mark.parametrize("name", STUDIES)


@every_study
def test_a_form_asks_what_the_study_takes(name: str) -> None:
    study = study_of(name)
    if form := study.display.form:
        assert set(form.budgets) <= set(study.budgets)
        assert set(form.arms) <= set(study.arms)
        assert set(form.fields) <= set(study.request.model_fields)
        for budget in form.budgets:
            assert study.parse({"budget": budget, "rows": form.arms}).runs


@every_study
def test_names_are_those_of_arms_and_figures(name: str) -> None:
    study, display = study_of(name), study_of(name).display
    assert {metric.task for metric in display.metrics.values()} <= set(display.tasks)
    if display.groups:
        assert {arm.group for arm in study.reported.values()} <= set(display.groups)
    assert set(display.arms) <= set(study.reported)
    labels = [display.arm(arm.name, arm.description) for arm in study.reported.values()]
    assert len(set(labels)) == len(labels)
    if display.scarce:
        assert display.scarce.field in study.request.model_fields
    if display.situations:
        assert {each for _, metrics, _ in display.situations.aspects for each in metrics} <= set(display.metrics)
        assert set(display.situations.arms) <= set(study.arms)
    if display.metrics:
        assert set(display.details) <= set(display.metrics)


@every_study
@pytest.mark.parametrize("request_", [{}, {"attributes": 10}])
def test_what_is_read_first_exists(name: str, request_: dict[str, int]) -> None:
    study = study_of(name)
    first = study.display.first(request_)
    assert isinstance(first, First)
    assert set(first.arms) <= set(study.reported)
    assert set(first.metrics) <= set(study.display.metrics)


@every_study
def test_the_papers_figures_are_those_of_the_study(name: str) -> None:
    study, papers = study_of(name), study_of(name).display.papers
    if papers is None:
        with pytest.raises(FbnError):
            shipped(f"{folder_of(name)}/papers.csv")
        return
    table = pd.read_csv(shipped(f"{folder_of(name)}/papers.csv"))
    assert list(table.columns) == ["paper", "source", "row", "set", "name", "figure", "filtered", "value"]
    assert set(table["paper"]) == set(papers.names)
    assert {row.partition(".")[0] for row in table["row"]} <= set(study.reported)
    assert set(table["figure"]) <= set(study.display.metrics)
    assert table["value"].between(-1, 1).all()
    assert not table.duplicated(["paper", "row", "set", "figure", "filtered"]).any()
    rows = set(table["row"])
    for compared in papers.compared:
        assert {compared.row, compared.base} <= rows
        assert not compared.own or compared.own in study.arms


@every_study
def test_a_study_goes_to_another_process_as_it_is(name: str) -> None:
    study = pickle.loads(pickle.dumps(study_of(name)))
    assert study.display.title == study_of(name).display.title != ""


def test_table_viii_is_as_printed() -> None:
    table = pd.read_csv(shipped(f"{folder_of('faces')}/papers.csv")).pivot(
        index="row", columns="figure", values="value"
    )
    assert len(table) == 6
    printed = {"identity_accuracy": 87.28, "identity_f1": 81.5, "attribute_accuracy": 93.22, "attribute_f1": 74.97}
    assert (100 * table.loc["match"]).to_dict() == pytest.approx(printed)
    assert 100 * table.loc["densenet-121-none", "attribute_f1"] == pytest.approx(67.88)


def test_names_without_a_display_are_those_of_the_files() -> None:
    display = Display()
    assert display.measure("held-out", "mean_diagonal") == "held-out · mean diagonal"
    assert display.measure("clips", "f1", filtered=True, unseen=True) == "clips · f1 (filtered, unseen)"
    assert (display.arm("plain", "nothing couples"), display.arm("plain")) == ("Nothing couples", "plain")
    assert display.loss("soft_co_annotation") == "Soft co annotation"
    assert (display.task("f1"), display.against("single")) == ("", "single-task")
    named = Display(metrics={"f1": Metric("AU F1", "units")}, marks_unseen=False)
    assert named.measure("clips", "f1", unseen=True) == "clips · AU F1"


class TestRequest:
    def test_a_job_names_its_study(self) -> None:
        asked = {"study": "faces", "request": {"rows": ["none"], "attributes": 10}}
        parsed = StudyRequest.model_validate(asked)
        assert parsed.request == FacesRequest(rows=("none",), attributes=10)
        assert StudyRequest.model_validate(parsed.model_dump(mode="json")) == parsed

    def test_one_from_before_there_were_several_is_of_affect(self) -> None:
        parsed = StudyRequest.model_validate({"budget": "smoke", "rows": ["none"], "action_units": 40})
        assert (parsed.study, parsed.request) == (
            "affect",
            AffectRequest(budget="smoke", rows=("none",), action_units=40),
        )

    def test_wrong_ones_are_refused_in_words(self) -> None:
        with pytest.raises(FormatError, match=r"faces: attributes.* less than or equal to 100"):
            StudyRequest.model_validate({"study": "faces", "request": {"attributes": 200}})
        with pytest.raises(FormatError, match="unknown study 'nothing': expected one of affect"):
            StudyRequest.model_validate({"study": "nothing", "request": {}})

    def test_a_request_is_known_by_its_fields(self) -> None:
        assert study_with({"rows": [], "action_units": None}).name == "affect"
        assert study_with({"rows": [], "labels": "both"}).name == "faces"
        with pytest.raises(FormatError, match="no study has the fields colour"):
            study_with({"colour": 1})
