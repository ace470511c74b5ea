"""A study as tables, beside others and beside the papers, and its plots."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fbn.errors import FormatError, MissingFileError
from fbn.resources import shipped
from fbn.studies.affect_display import COMPARED, DISPLAY
from fbn.studies.beside import (
    alike,
    beside_papers,
    by_labels,
    common_arms,
    offered,
    own_arm,
    published,
    read_all,
    situations,
)
from fbn.studies.committed import folder_of, note_section
from fbn.studies.labels import Verdict, interval, signed, verdict
from fbn.studies.markdown import count_verdicts
from fbn.studies.measure import TOGETHER
from fbn.studies.read import StudyResult, differences
from fbn.ui.study import charts
from tests.ui import studied as stand_in
from tests.ui.studied import make

BOTH, PLAIN = COMPARED[0], next(c for c in COMPARED if c.row == "none")
BODIES = [f"{name}-{end}" for name in ("vgg-face", "resnet-50", "densenet-121") for end in ("none", "both")]


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return StudyResult.read(make(tmp_path_factory.mktemp("study")))


def test_a_verdict_needs_an_interval_that_leaves_out_zero():
    assert verdict(0.01, 0.2) is Verdict.BETTER
    assert verdict(-0.2, -0.01) is Verdict.WORSE
    assert verdict(-0.01, 0.2) is Verdict.OPEN
    assert verdict(math.nan, math.nan) is Verdict.OPEN
    assert signed(-0.0123) == "−0.012"
    assert interval(0.1, math.nan, math.nan) == "+0.100, one seed"
    assert len({each.mark for each in Verdict}) == 3


def test_arms_are_named_in_words():
    assert DISPLAY.arm("none") == "No coupling"
    assert DISPLAY.arm("both.inferred", "both, table counted") == "Soft co-annotation + matching, counted table"
    assert DISPLAY.arm("match-mean", "matching to C's mean mixture") == "Matching to C's mean mixture"
    assert DISPLAY.arm("new") == "new"
    for _, folder in ((name, shipped(folder_of("affect")) / name) for name in ("scarce", "real", "architectures")):
        labels = StudyResult.read(folder).arms["label"]
        assert labels.is_unique


def test_real_sets_are_named_and_so_is_code_that_changed_on_the_way(tmp_path: Path):
    real = StudyResult.read(shipped(folder_of("affect")) / "real")
    assert real.about().startswith("Real faces: FER+, AffectNet, CK+ · budget small · 5 seeds · 600 steps · AU")
    assert "revision" not in real.about()
    shutil.copytree(real.folder, tmp_path / "copy")
    runs = tmp_path / "copy" / "runs.csv"
    runs.write_text(runs.read_text().replace(real.runs["git_sha"].iloc[0], "another", 1))
    assert "· 2 revisions of the code ·" in StudyResult.read(tmp_path / "copy").about()
    assert set(real.steps) == set(real.arms.index)


def test_steps_are_told_where_arms_have_different_ones(tmp_path: Path):
    for name in ("runs.csv", "summary.json"):
        shutil.copy(shipped(folder_of("affect")) / "architectures-180" / name, tmp_path)
    runs = tmp_path / "runs.csv"
    lines = [line.replace(",180,", ",600,") if line.startswith("none,") else line for line in runs.open()]
    runs.write_text("".join(lines))
    result = StudyResult.read(tmp_path)
    assert (result.steps["none"], result.steps["densenet-121-both"]) == (600, 180)
    assert "· 600 or 180 steps ·" in result.about()
    # of versions that did not tell
    runs.write_text("row,seed\nnone,0\n")
    assert "steps" not in StudyResult.read(tmp_path).about()


def test_what_was_done_is_read(studied: StudyResult):
    assert studied.about().startswith(
        "Drawn faces · budget small · 5 seeds · 500 steps · AU labels on 80 of 3,800 training pictures"
    )
    assert list(studied.arms.index) == ["single-task", "none", "match", "both"]
    assert studied.best_arms == studied.main_arms == ["both"]
    assert [studied.is_unseen(name) for name in ("bp4d", "disfa", "affectnet")] == [False, True, True]
    assert DISPLAY.measure("afew-va", "ccc_valence", True, True) == "AFEW-VA · valence CCC (filtered, unseen)"
    assert studied.measures.at["afew-va/ccc_valence/filtered", "label"] == "AFEW-VA · valence CCC (filtered, unseen)"
    assert studied.first_keys("both") == ["emotionet/f1", "bp4d/f1"]


def test_a_mean_over_sets_is_read_first_and_counted_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stand_in, "SETS", (*stand_in.SETS, stand_in.Set(TOGETHER, None, ("f1", "auc"))))
    result = StudyResult.read(make(tmp_path))
    assert result.first_keys("both") == [f"{TOGETHER}/f1"]
    assert "of 16 figures" in count_verdicts(result, "both", "uncoupled")
    assert result.measures.at[f"{TOGETHER}/f1", "label"] == "All AU sets · AU F1"


def test_verdicts_are_counted(studied: StudyResult, tmp_path: Path):
    said = count_verdicts(studied, "both", "uncoupled")
    assert "is better than no coupling on **16** of 16 figures and worse on **0**; on 0 it cannot be told" in said
    said = count_verdicts(studied, "none", "uncoupled")
    assert said == "**No coupling** is what coupled arms are compared with."
    bodies = StudyResult.read(make(tmp_path / "bodies", rows=BODIES))
    assert count_verdicts(bodies, "resnet-50-both", "single").endswith(
        "is not compared with single-task in this study."
    )
    one = StudyResult.read(make(tmp_path / "one", seeds=1))
    assert "on 16 it cannot be told" in count_verdicts(one, "both", "uncoupled")


def test_studies_that_differ_by_their_au_labels_stand_beside_each_other(studied: StudyResult, tmp_path: Path):
    plenty = make(tmp_path / "plenty", action_units=2400, rows=("none", "both"))
    make(tmp_path / "longer", action_units=640, steps=9)
    other = make(tmp_path / "other", action_units=2400, rows=("none", "match.inferred"))
    folders = [*(tmp_path / name for name in ("nothing", "longer")), other, plenty, studied.folder]
    beside = alike(studied, read_all(folders))
    assert [own.scarce_labels for own in beside] == [80, 2400]
    assert common_arms(beside, 2) == {"both": "Soft co-annotation + matching"}
    found = by_labels(beside, ["both", "match"], "emotionet/f1", "uncoupled")
    assert list(zip(found["arm"], found["pictures"], strict=True)) == [("both", 80), ("both", 2400), ("match", 80)]
    figure = charts.by_pictures(found.assign(series=found["arm"], hover=""), "difference", "pictures with AU labels")
    assert list(figure.layout.xaxis.tickvals) == [80, 2400]
    assert found["difference"].iloc[0] - figure.data[0].error_y.arrayminus[0] == pytest.approx(found["low"].iloc[0])
    # the same steps, asked or the budget's own of then
    asked = make(tmp_path / "asked", action_units=160, steps=500)
    assert [own.folder for own in alike(studied, read_all([asked]))] == [studied.folder, asked]


def test_situations_are_those_of_studies_that_have_all_of_the_arms(studied: StudyResult, tmp_path: Path):
    plenty = StudyResult.read(make(tmp_path / "plenty", action_units=2400, rows=("none", "both")))
    found = situations([plenty, studied], ["both"])
    units = found[found["aspect"].str.startswith("Action units")]
    assert list(units["situation"]) == ["Drawn, 80 AU labels", "Drawn, 2,400 AU labels"]
    assert set(found["measure"]) >= {"Aff-Wild2 · valence CCC (filtered)", "EmotioNet · AU F1"}
    assert set(situations([plenty, studied], ["both", "match"])["study"]) == {studied.folder.name}
    assert situations([plenty], ["match"]).empty
    figure = charts.forest_plot(found.assign(label=found["situation"], hover=""), "x", heading="aspect", by_arm=True)
    assert figure.layout.yaxis.ticktext[0].startswith("<b>Expressions not trained on")


def test_a_study_of_architectures_is_asked_of_each(tmp_path: Path):
    result = StudyResult.read(make(tmp_path / "bodies", rows=BODIES))
    assert result.main_arms == result.best_arms == ["vgg-face-both", "resnet-50-both", "densenet-121-both"]
    whole = StudyResult.read(make(tmp_path / "all", rows=["none", "both", *BODIES]))
    assert whole.main_arms == whole.best_arms == ["both"]
    half = StudyResult.read(make(tmp_path / "half", rows=["none", "co", *BODIES]))
    assert (half.main_arms, half.best_arms) == (["co"], [])
    assert StudyResult.read(make(tmp_path / "alone", rows=["none"])).main_arms == []


def test_single_seeds_lie_around_their_mean(studied: StudyResult):
    for side, arm in (("uncoupled", "both"), ("single", "none")):
        figure = differences(studied.of_arm(arm), side).iloc[0]
        seeds = studied.seed_differences(side)[arm, figure["key"]]
        assert len(seeds) == figure["seeds"] == 5
        assert sum(seeds) / 5 == pytest.approx(figure["difference"], abs=1e-4)


def test_other_folders_are_refused_in_words(tmp_path: Path):
    with pytest.raises(MissingFileError, match="no such folder"):
        StudyResult.read(tmp_path / "nowhere")
    with pytest.raises(MissingFileError, match=r"no summary.json in it: not a study, or not finished"):
        StudyResult.read(tmp_path)
    path = make(tmp_path / "study") / "summary.json"
    good = json.loads(path.read_text())
    first = good["figures"][0]
    for change, words in (
        ({"figures": [first | {"figure": "beauty"}]}, r"figures\.0: figure: expected one of .*, found 'beauty'"),
        ({"figures": [first, first | {"mean": "much"}]}, r"figures\.1: mean: expected a number, found 'much'"),
        ({"rows": [good["rows"][0] | {"seeds": None}]}, r"rows\.0: seeds: expected a number"),
        ({"rows": None}, "rows: Input should be a valid array"),
    ):
        path.write_text(json.dumps(good | change))
        with pytest.raises(FormatError, match=words):
            StudyResult.read(path.parent)
    path.write_text("not json")
    with pytest.raises(FormatError, match=r"summary\.json: the file"):
        StudyResult.read(path.parent)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("runs.csv", "both,0,", "both,,", "line 2: seed: expected a number, found ''"),
        ("runs.csv", "both,0,0.", "both,0,x", "line 2: rafdb/mean_diagonal: expected a number or nothing, found 'x"),
        ("curves.csv", "1.5", "much", "line 3: value: expected a number or nothing, found 'much'"),
        ("curves.csv", "row,term,part", "row,loss,part", "line 2: no term"),
        ("details.csv", "False", "perhaps", "line 2: filtered: expected True or False, found 'perhaps'"),
    ],
)
def test_a_damaged_table_is_told_with_its_line_and_field(tmp_path: Path, name: str, old: str, new: str, words: str):
    path = make(tmp_path, rows=["both", "none"]) / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(FormatError, match=rf"{name}, {words}"):
        StudyResult.read(tmp_path)
    path.write_text("row,seed,term\nébauche,0,é\n", "latin-1")
    with pytest.raises(FormatError, match=rf"{name}: no table in UTF-8"):
        StudyResult.read(tmp_path)


def test_the_tables_beside_a_summary_are_read_with_it(tmp_path: Path):
    folder = make(tmp_path / "own")
    result = StudyResult.read(folder)
    details = result.details[result.details["key"] == "bp4d/f1"].set_index(["arm", "name"])
    one, none = details.loc[("both", "AU14")], details.loc[("none", "AU14")]
    assert (one["mean"], one["sd"], one["uncoupled_difference"], one["uncoupled_seeds"]) == (0.4, 0, 0, 5)
    assert math.isnan(none["uncoupled_difference"])
    assert none["single_seeds"] == 5
    curves = result.curves.set_index(["arm", "term"]).loc["both"]["value"]
    assert list(curves["expression"]) == [2.0, 1.5, 1.2, 1.0]
    assert list(curves["distribution_matching"].dropna()) == [0.9, 0.8]
    for name in ("details.csv", "curves.csv", "runs.csv"):
        (folder / name).unlink()
    bare = StudyResult.read(folder)
    assert bare.details.empty
    assert bare.curves.empty
    assert bare.seed_differences("single") == {}


def test_a_section_of_a_note_is_found_beside_the_study_or_above(tmp_path: Path):
    folder = tmp_path / "study"
    folder.mkdir()
    assert note_section(folder, ("What was found",)) == ""
    (tmp_path / "NOTE.md").write_text(
        "# A note\n\n## What was found\n\nIt pays.\n\n### Where\n\nThere.\n\n## Limits\n\nMany.\n"
    )
    assert note_section(folder, ("What was found",)) == "It pays.\n\n### Where\n\nThere."
    assert note_section(folder, ("Found",)) == ""
    (folder / "NOTE.md").write_text("## What was found\n\nIt does not.")
    assert note_section(folder, ("What was found",)) == "It does not."


def test_the_papers_figures_are_subtracted_alike():
    values = published("affect").set_index(["paper", "row", "key"])["value"]
    assert values.index.is_unique
    wild = "affwild2/ccc_valence"
    # A's Table III alone would give .67 - .52
    assert values["A", "none", wild] == 0.52
    assert values["A", "none", f"{wild}/filtered"] == 0.56
    assert values["A", "both", wild] == 0.63
    assert values["A", "both", f"{wild}/filtered"] == 0.67
    assert values["C", "both.affwild2", "bp4d+/f1"] == 0.60


def test_direction_by_direction(studied: StudyResult):
    found = beside_papers(studied, BOTH, "du2014").set_index("key")
    wild = found.loc["affwild2/ccc_valence/filtered"]
    assert wild["A"] == pytest.approx(0.11)
    assert (wild["verdict"], wild["same"]) == ("better", "yes")
    assert np.isnan(found.loc["bp4d+/f1", "difference"])
    assert found.loc["bp4d+/f1", "same"] == ""
    assert found.loc["bp4d/auc", ["A", "C"]].isna().all()
    assert found["task"].is_monotonic_decreasing is False
    assert list(found["task"].unique()) == ["expression", "units", "affect"]
    plain = beside_papers(studied, PLAIN, "du2014").set_index("key")
    # A loses there by sharing a network, and C gains: neither direction is theirs
    assert plain.loc["rafdb/mean_diagonal", "A"] < 0 < plain.loc["rafdb/mean_diagonal", "C"]
    assert plain.loc["rafdb/mean_diagonal", "same"] == ""


def test_a_counted_table_is_compared_with_the_papers_counted_one(tmp_path: Path, studied: StudyResult):
    assert own_arm(studied, BOTH, "counted") is None
    counted = StudyResult.read(make(tmp_path, rows=("none", "both.affwild2", "both.inferred")))
    assert own_arm(counted, BOTH, "counted") == "both.inferred"
    found = beside_papers(counted, BOTH, "counted").set_index("key")
    assert found.loc["rafdb/mean_diagonal", "A"] == pytest.approx(0.11)
    assert not np.isnan(found.loc["rafdb/mean_diagonal", "difference"])


def test_only_what_a_study_has_is_compared_an_architecture_with_itself_uncoupled(tmp_path: Path, studied: StudyResult):
    assert [each.row for each in offered(studied)] == ["both", "match", "none", "both"]
    bodies = StudyResult.read(make(tmp_path, rows=BODIES))
    compared = offered(bodies)
    assert [each.title.split(":")[0] for each in compared] == ["VGG-FACE", "ResNet-50", "DenseNet-121"]
    told = beside_papers(bodies, compared[1], "du2014").set_index("key").loc["affwild2/ccc_valence/filtered"]
    assert told["A"] == pytest.approx(0.11)
    figures = bodies.figures.set_index(["arm", "key"])
    assert told["difference"] == figures.at[("resnet-50-both", told.name), "uncoupled_difference"]
    assert own_arm(bodies, compared[1], "counted") is None


def test_a_forest_has_a_mark_for_each_verdict_and_bars_where_they_lie():
    nan = math.nan
    frame = pd.DataFrame(
        [
            ("Faces", "a", 0.1, 0.02, 0.2, "better", [0.05, 0.15], nan),
            ("Faces", "b", -0.1, -0.2, -0.02, "worse", [], nan),
            ("", "c", 0.0, -0.1, 0.1, "cannot be told", [], 0.07),
            ("", "d", 0.3, nan, nan, "cannot be told", [], nan),
            ("", "e", nan, nan, nan, nan, [], 0.01),
        ],
        columns=["heading", "label", "difference", "low", "high", "verdict", "seeds_at", "paper A"],
    ).assign(hover="")
    figure = charts.forest_plot(frame, "x", heading="heading", extra_columns=["paper A"])
    assert list(figure.layout.yaxis.ticktext) == ["<b>Faces</b>", "a", "b", "c", "d", "e"]
    named = {trace.name.split(",")[0]: trace for trace in figure.data}
    assert list(named["better"].y) == [1]
    assert list(named["better"].error_x.array) == [pytest.approx(0.1)]
    assert list(named["better"].error_x.arrayminus) == [pytest.approx(0.08)]
    assert list(named["cannot be told"].y) == [3, 4]
    assert math.isnan(named["cannot be told"].error_x.array[1])
    assert (list(named["single seeds"].x), list(named["single seeds"].y)) == ([0.05, 0.15], [1, 1])
    assert (list(named["paper A"].x), list(named["paper A"].y)) == ([0.07, 0.01], [3, 5])
    assert len({trace.marker.symbol for trace in figure.data}) == len(named)
    low, high = charts.x_range_of([frame])
    assert low < -0.2 < 0.3 < high
    with pytest.raises(ValueError, match="at most 2"):
        charts.forest_plot(frame, "x", extra_columns=["paper A"] * 3)


def test_arms_on_one_line_stand_apart_and_are_hollow_where_nothing_can_be_told():
    lines = [("s", "one", 0.1, 0.05, 0.15, "better"), ("s", "two", 0.0, -0.1, 0.1, "cannot be told")]
    frame = pd.DataFrame(lines, columns=["label", "arm", "difference", "low", "high", "verdict"]).assign(hover="")
    one, two = charts.forest_plot(frame, "x", by_arm=True).data
    assert (one.marker.symbol, two.marker.symbol) == ("circle", "diamond-open")
    assert -0.5 < one.y[0] < 0 < two.y[0] < 0.5
    many = pd.concat([frame.head(1).assign(arm=str(i)) for i in range(6)])
    with pytest.raises(ValueError, match="at most 5 arms"):
        charts.forest_plot(many, "x", by_arm=True)


def test_dots_and_curves_keep_gaps_and_looks_apart():
    frame = pd.DataFrame(
        [("one", "AU1", 0.2), ("one", "AU2", 0.4), ("two", "AU2", 0.6)], columns=["series", "label", "value"]
    )
    figure = charts.dot_plot(frame, "F1")
    one, two = figure.data
    assert list(two.y) == [1]
    assert one.marker.symbol != two.marker.symbol
    assert [(line.x0, line.x1, line.y0) for line in figure.layout.shapes] == [(0.2, 0.2, 0), (0.4, 0.6, 1)]
    values = [("one", 25, math.nan), ("one", 75, 2.0), ("two", 25, 1.0), ("two", 75, 1.0)]
    one, two = charts.curves(pd.DataFrame(values, columns=["series", "progress", "value"]), "loss").data
    assert math.isnan(one.y[0])
    assert list(one.x) == [25, 75]
    assert one.line.dash != two.line.dash
