"""What a study says, in words and figures; beside the papers."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fbn.errors import FormatError, MissingFileError
from fbn.resources import shipped
from fbn.studies import answer, scarcity
from fbn.studies.measure import TOGETHER
from fbn.studies.papers import COMPARED, HERE, directions, here, lines, offered, published
from fbn.studies.read import COMMITTED, Studied
from fbn.studies.records import Difference
from fbn.studies.words import Verdict, about, interval, key_name, signed, verdict
from fbn.ui.study import charts
from fbn.ui.study import marks as study_marks
from fbn.ui.study.charts import Line
from tests.ui import studied as stand_in
from tests.ui.studied import make

BOTH, PLAIN = COMPARED[0], next(c for c in COMPARED if c.row == "none")


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    return Studied.read(make(tmp_path_factory.mktemp("study")))


def difference(value: float, low: float | None, high: float | None) -> Difference:
    return Difference(difference=value, low=low, high=high, boot_low=value - 0.1, boot_high=value + 0.1, seeds=5)


def test_a_verdict_needs_an_interval_that_leaves_out_zero():
    assert verdict(difference(0.1, 0.01, 0.2)) is Verdict.BETTER
    assert verdict(difference(-0.1, -0.2, -0.01)) is Verdict.WORSE
    assert verdict(difference(0.1, -0.01, 0.2)) is Verdict.OPEN
    assert verdict(difference(0.1, None, None)) is Verdict.OPEN
    assert signed(-0.0123) == "−0.012"
    assert interval(difference(0.1, None, None)) == "+0.100, one seed"
    assert len({each.mark for each in Verdict}) == 3


def test_real_sets_are_named_and_so_is_code_that_changed_on_the_way(tmp_path: Path):
    real = Studied.read(shipped(COMMITTED) / "real")
    assert about(real).startswith("Real faces: FER+, AffectNet, CK+ · budget small · 5 seeds · 600 steps · AU")
    assert "revision" not in about(real)
    shutil.copytree(real.folder, tmp_path / "copy")
    runs = tmp_path / "copy" / "runs.csv"
    runs.write_text(runs.read_text().replace(real.runs[0]["git_sha"], "another", 1))
    assert "· 2 revisions of the code ·" in about(Studied.read(tmp_path / "copy"))
    assert real.steps.keys() == real.rows.keys()


def test_steps_are_told_where_rows_have_different_ones(tmp_path: Path):
    for name in ("runs.csv", "summary.json"):
        shutil.copy(shipped(COMMITTED) / "architectures-180" / name, tmp_path)
    runs = tmp_path / "runs.csv"
    lines = [line.replace(",180,", ",600,") if line.startswith("none,") else line for line in runs.open()]
    runs.write_text("".join(lines))
    studied = Studied.read(tmp_path)
    assert (studied.steps["none"], studied.steps["densenet-121-both"]) == (600, 180)
    assert "· 600 or 180 steps ·" in about(studied)
    # of versions that did not tell
    runs.write_text("row,seed\nnone,0\n")
    assert "steps" not in about(Studied.read(tmp_path))


def test_what_was_done_is_read(studied: Studied):
    assert about(studied).startswith(
        "Drawn faces · budget small · 5 seeds · 500 steps · AU labels on 80 of 3,800 training pictures"
    )
    assert list(studied.rows) == ["single-task", "none", "match", "both"]
    assert studied.both == ("both",)
    assert [studied.trained_on(name) for name in ("bp4d", "disfa", "affectnet")] == [True, False, False]
    assert key_name(studied, ("afew-va", "ccc_valence", True)) == "AFEW-VA · valence CCC (filtered, unseen)"


def test_a_mean_over_sets_is_read_first_and_counted_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stand_in, "SETS", (*stand_in.SETS, stand_in.Set(TOGETHER, None, ("f1", "auc"))))
    studied = Studied.read(make(tmp_path))
    assert [figure.key for figure in answer.first_measure(studied, "both")] == [(TOGETHER, "f1", False)]
    assert "of 16 figures" in answer.sentence(studied, "both", "uncoupled")
    assert key_name(studied, (TOGETHER, "f1", False)) == "All AU sets · AU F1"


def test_studies_that_differ_by_their_au_labels_stand_beside_each_other(studied: Studied, tmp_path: Path):
    plenty = make(tmp_path / "plenty", action_units=2400, rows=("none", "both"))
    make(tmp_path / "longer", action_units=640, steps=9)
    other = make(tmp_path / "other", action_units=2400, rows=("none", "match.inferred"))
    folders = [*(tmp_path / name for name in ("nothing", "longer")), other, plenty, studied.folder]
    beside = scarcity.alike(studied, folders)
    assert [own.summary.labelled["action_units"] for own in beside] == [80, 2400]
    rows, keys = scarcity.shared(beside)
    assert rows == ["both"]
    assert keys[:2] == [("emotionet", "f1", False), ("bp4d", "f1", False)]
    found = scarcity.ladder(beside, ["both", "match"], keys[0], "uncoupled")
    assert list(found["both"]) == [80, 2400]
    assert list(found["match"]) == [80]
    assert found["both"][2400] == beside[1].by_place["both", keys[0]].uncoupled
    chart = charts.ladder(found, "pictures", "difference")
    assert chart["layout"]["xaxis"]["tickvals"] == [80, 2400]
    both = chart["data"][0]
    low = found["both"][80].difference - both["error_y"]["arrayminus"][0]
    assert low == pytest.approx(found["both"][80].low)
    # the same steps, asked or the budget's own of then
    asked = make(tmp_path / "asked", action_units=160, steps=500)
    assert [own.folder for own in scarcity.alike(studied, [asked])] == [studied.folder, asked]
    # one seed has no interval
    alone = Studied.read(make(tmp_path / "alone", seeds=1))
    (drawn,) = charts.ladder(scarcity.ladder([alone], ["both"], keys[0], "uncoupled"), "", "")["data"]
    assert drawn["error_y"]["array"] == [0]


BODIES = [f"{name}-{end}" for name in ("vgg-face", "resnet-50", "densenet-121") for end in ("none", "both")]


def test_a_study_of_architectures_is_asked_of_each(tmp_path: Path):
    studied = Studied.read(make(tmp_path / "bodies", rows=BODIES))
    vgg, _, densenet = asked = answer.primaries(studied)
    assert asked == studied.both == ("vgg-face-both", "resnet-50-both", "densenet-121-both")
    assert answer.headline(studied, asked) == "On action units: by some networks."
    assert answer.headline(studied, [vgg, densenet]) == "On action units: worse by some networks."
    assert answer.headline(studied, [densenet]) == "On action units: no."
    beats, mends, affect = answer.claims(studied)
    assert [finding.subject for finding in beats.here] == list(asked)
    assert (beats.verdict, affect.verdict) == (answer.PARTLY, answer.PARTLY)
    assert [len(finding.figures[Verdict.BETTER]) > 0 for finding in beats.here] == [False, True, False]
    assert [finding.subject for finding in affect.here] == [f"{row} against no coupling" for row in asked]
    assert mends.verdict == answer.OPEN
    # better everywhere, but by one table
    (alone, *_) = answer.claims(Studied.read(make(tmp_path / "one", rows=BODIES[2:4])))
    assert (alone.verdict, alone.note) == (answer.PARTLY, "Only one table was tried.")


def test_the_small_body_is_asked_where_it_is_coupled_too(tmp_path: Path):
    whole = Studied.read(make(tmp_path / "all", rows=["none", "both", *BODIES]))
    assert answer.primaries(whole) == whole.both == ("both",)
    half = Studied.read(make(tmp_path / "half", rows=["none", "co", *BODIES]))
    assert answer.primaries(half) == ("co",)
    assert half.both == ()
    # what it loses to single-task networks is not mended by coupling another body
    rows = ["single-expression", "single-au", "single-va", "none", *BODIES]
    mends = answer.claims(Studied.read(make(tmp_path / "beside", rows=rows)))[1]
    assert mends.note == "No coupled row tells whether that is mended."
    told = answer.sentence(Studied.read(tmp_path / "beside"), "resnet-50-both", "single")
    assert told.endswith("single-task networks are of the small body alone.")


def test_what_is_coupled_is_asked_where_nothing_has_both(tmp_path: Path):
    assert answer.primaries(Studied.read(make(tmp_path, rows=["none", "co", "match"]))) == ("co",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("both,0,", "both,,", "line 2: expected a row and a seed"),
        ("both,0,0.", "both,0,x", "line 2: rafdb/mean_diagonal: expected a number, found 'x"),
    ],
)
def test_a_damaged_table_of_runs_is_told(tmp_path: Path, old: str, new: str, words: str):
    runs = make(tmp_path, rows=["both", "none"]) / "runs.csv"
    text = runs.read_text()
    assert old in text
    runs.write_text(text.replace(old, new, 1))
    with pytest.raises(FormatError, match=words):
        Studied.read(tmp_path)
    runs.write_bytes(b"row,seed\n\xff\xfe")
    with pytest.raises(FormatError, match=r"runs\.csv: no table in UTF-8"):
        Studied.read(tmp_path)


def test_the_answer_claims_what_the_intervals_allow(studied: Studied):
    assert answer.primary(studied) == "both"
    assert answer.headline(studied, ["both"]) == "On action units: yes."
    assert answer.headline(studied, ["match"]) == "On action units: it cannot be told from these runs."
    assert [figure.key for figure in answer.first_measure(studied, "both")] == [
        ("emotionet", "f1", False),
        ("bp4d", "f1", False),
    ]
    said = answer.sentence(studied, "both", "uncoupled")
    assert "better on **16** of 16 figures and worse on **0**; on 0 these runs cannot tell" in said
    assert "is what coupled rows are compared with" in answer.sentence(studied, "none", "uncoupled")


def test_the_claims(studied: Studied):
    beats, mends, affect = answer.claims(studied)
    # better on all figures, but by one table, and the claim is of either
    assert (beats.verdict, mends.verdict, affect.verdict) == (answer.PARTLY, answer.HOLDS, answer.HOLDS)
    # uncoupled training loses on the three figures of expressions, and both couplings gain there
    lost = mends.here[0].figures[Verdict.WORSE]
    assert lost == (
        "RAF-DB · mean diagonal",
        "AffectNet · expression F1 (unseen)",
        "AffectNet · accuracy (unseen)",
    )
    assert mends.here[1].figures[Verdict.BETTER] == lost
    assert len(affect.here[0].figures[Verdict.BETTER]) == 6


def test_claims_that_fail_or_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stand_in, "GAINS", {"none": 0.0, "both": -0.1, "single-expression": -0.2, "single-au": -0.2})
    beats, mends, affect = answer.claims(
        Studied.read(make(tmp_path / "worse", rows=("single-expression", "none", "both")))
    )
    assert (beats.verdict, mends.verdict, affect.verdict) == (answer.FAILS, answer.FAILS, answer.FAILS)
    assert mends.note == "So there is no loss to mend."
    alone = Studied.read(make(tmp_path / "alone", rows=("none",)))
    assert answer.primary(alone) is None
    assert {claim.verdict for claim in answer.claims(alone)} == {answer.OPEN}
    one = Studied.read(make(tmp_path / "one", seeds=1))
    assert answer.claims(one)[0].verdict == answer.OPEN
    assert "on 16 these runs cannot tell" in answer.sentence(one, "both", "uncoupled")


def test_single_seeds_lie_around_their_mean(studied: Studied):
    for side, row in (("uncoupled", "both"), ("single", "none")):
        figure = studied.of_row(row)[0]
        seeds = studied.seed_differences(figure, side)
        told = getattr(figure, side)
        assert len(seeds) == told.seeds == 5
        assert sum(seeds) / 5 == pytest.approx(told.difference, abs=1e-4)


def test_other_folders_are_refused_in_words(tmp_path: Path):
    with pytest.raises(MissingFileError, match="no such folder"):
        Studied.read(tmp_path / "nowhere")
    with pytest.raises(MissingFileError, match=r"no summary.json in it: not a study, or not finished"):
        Studied.read(tmp_path)
    path = make(tmp_path / "study") / "summary.json"
    good = json.loads(path.read_text())
    for change, words in (
        ({"figures": [good["figures"][0] | {"figure": "beauty"}]}, "figures.0.figure: no metric 'beauty'"),
        ({"rows": None}, "rows: Input should be a valid array"),
    ):
        path.write_text(json.dumps(good | change))
        with pytest.raises(FormatError, match=words):
            Studied.read(path.parent)
    path.write_text("not json")
    with pytest.raises(FormatError, match=r"summary\.json: the file"):
        Studied.read(path.parent)


def test_the_tables_beside_a_summary_are_read_with_it(tmp_path: Path):
    folder = make(tmp_path / "own")
    studied = Studied.read(folder)
    (one,) = [d for d in studied.details if (d.row, d.set, d.name, d.filtered) == ("both", "bp4d", "AU14", False)]
    assert one.mean == 0.4
    assert (one.sd, one.uncoupled.difference, one.uncoupled.seeds, one.told) == (0, 0, 5, True)
    (none,) = [d for d in studied.details if (d.row, d.set, d.name) == ("none", "bp4d", "AU14")]
    assert none.uncoupled is None
    assert none.single.seeds == 5
    assert studied.curves["both"]["expression"] == [2.0, 1.5, 1.2, 1.0]
    assert studied.curves["both"]["distribution_matching"] == [None, None, 0.9, 0.8]
    details = folder / "details.csv"
    good = details.read_text("utf-8")
    for column, value, why in (("difference", "much", "a valid number"), ("seeds", "", "a valid int")):
        table = pd.read_csv(details, dtype=str)
        table.loc[table["uncoupled_difference"].notna().idxmax(), f"uncoupled_{column}"] = value
        table.to_csv(details, index=False)
        with pytest.raises(FormatError, match=rf"details\.csv: uncoupled\.{column}: Input should be {why}"):
            Studied.read(folder)
        details.write_text(good, "utf-8")
    curves = folder / "curves.csv"
    curves.write_text(curves.read_text("utf-8").replace("1.5", "much"), "utf-8")
    with pytest.raises(FormatError, match=r"curves\.csv: value: Input should be a valid number"):
        Studied.read(folder)
    curves.write_text("row,term,part,value\nébauche,é,0,1\n", "latin-1")
    with pytest.raises(FormatError, match=r"curves\.csv: no table in UTF-8"):
        Studied.read(folder)
    curves.unlink()
    assert Studied.read(folder).curves == {}


def test_the_papers_figures_are_subtracted_alike():
    values = {(each.paper, each.row, each.key): each.value for each in published()}
    wild = ("affwild2", "ccc_valence")
    # A's Table III alone would give .67 - .52
    assert values["A", "none", (*wild, False)] == 0.52
    assert values["A", "none", (*wild, True)] == 0.56
    assert values["A", "both", (*wild, False)] == 0.63
    assert values["A", "both", (*wild, True)] == 0.67
    assert values["C", "both.affwild2", ("bp4d+", "f1", False)] == 0.60
    assert len(published()) == len(values)


def test_direction_by_direction(studied: Studied):
    found = {line.key: line for line in lines(studied, BOTH, "du2014")}
    wild = found["affwild2", "ccc_valence", True]
    assert wild.papers["A"] == pytest.approx(0.11)
    assert wild.here is not None
    assert found["bp4d+", "f1", False].here is None
    assert found["bp4d", "auc", False].papers == {}
    counts = directions(list(found.values()))
    assert counts["expression"] == {"A": (2, 0, 0), "C": (3, 0, 0), HERE: (3, 0, 0)}
    # video counts once
    assert counts["affect"]["A"] == (4, 0, 0)
    assert counts["affect"][HERE] == (6, 0, 0)
    plain = directions(lines(studied, PLAIN, "du2014"))
    assert plain["expression"]["A"] == (0, 2, 0)
    assert plain["expression"]["C"] == (3, 0, 0)
    assert plain["expression"][HERE] == (0, 3, 0)
    assert plain["affect"]["A"] == (3, 1, 0)


def test_a_counted_table_is_compared_with_the_papers_counted_one(tmp_path: Path, studied: Studied):
    assert here(studied, BOTH, "counted") is None
    counted = Studied.read(make(tmp_path, rows=("none", "both.affwild2", "both.inferred")))
    assert here(counted, BOTH, "counted") == "both.inferred"
    found = {line.key: line for line in lines(counted, BOTH, "counted")}
    assert found["rafdb", "mean_diagonal", False].papers["A"] == pytest.approx(0.11)
    assert found["rafdb", "mean_diagonal", False].here is not None


def test_an_architecture_is_compared_with_itself_uncoupled_as_the_papers_network_is(tmp_path: Path, studied: Studied):
    assert offered(studied) == COMPARED
    bodies = Studied.read(make(tmp_path, rows=BODIES))
    compared = offered(bodies)
    assert [each.title.split(":")[0] for each in compared] == ["VGG-FACE", "ResNet-50", "DenseNet-121"]
    told = {line.key: line for line in lines(bodies, compared[1], "du2014")}["affwild2", "ccc_valence", True]
    assert told.papers["A"] == pytest.approx(0.11)
    assert told.here == bodies.by_place["resnet-50-both", told.key].uncoupled
    assert here(bodies, compared[1], "counted") is None


def test_a_forest_has_a_mark_for_each_verdict_and_bars_where_they_lie():
    blocks = {
        "Faces": [Line("a", difference(0.1, 0.02, 0.2), (0.05, 0.15)), Line("b", difference(-0.1, -0.2, -0.02))],
        "": [Line("c", difference(0.0, -0.1, 0.1), marks={"paper A": 0.07}), Line("d", difference(0.3, None, None))],
    }
    drawn = charts.forest(blocks, "x")
    assert drawn["layout"]["yaxis"]["ticktext"] == ["<b>Faces</b>", "a", "b", "c", "d"]
    named = {trace["name"]: trace for trace in drawn["data"] if "name" in trace}
    assert named["better"]["y"] == [1]
    assert named["better"]["error_x"]["array"] == [pytest.approx(0.1)]
    assert named["better"]["error_x"]["arrayminus"] == [pytest.approx(0.08)]
    assert named["cannot be told"]["y"] == [3, 4]
    assert named["cannot be told"]["error_x"]["array"][1] == 0
    assert (named["single seeds"]["x"], named["single seeds"]["y"]) == ([0.05, 0.15], [1, 1])
    assert (named["paper A"]["x"], named["paper A"]["y"]) == ([0.07], [3])
    assert len({trace["marker"]["symbol"] for trace in named.values()}) == len(named)
    low, high = charts.span_of(line for own in blocks.values() for line in own)
    assert low < -0.2 < 0.3 < high


def test_dots_and_curves_keep_gaps_and_looks_apart():
    drawn = charts.dots({"one": {"AU1": 0.2, "AU2": 0.4}, "two": {"AU2": 0.6}}, "F1")
    joined, one, two = drawn["data"]
    assert joined["x"] == [0.2, 0.2, None, 0.4, 0.6, None]
    assert two["y"] == [1]
    assert one["marker"]["symbol"] != two["marker"]["symbol"]
    curve = charts.curves({"one": [None, 2.0], "two": [1.0, 1.0]}, "loss")["data"]
    assert curve[0]["y"] == [None, 2.0]
    assert curve[0]["x"] == [25, 75]
    assert curve[0]["line"]["dash"] != curve[1]["line"]["dash"]


def test_rows_by_figures_tell_each_cell(studied: Studied):
    html = study_marks.rows(
        studied, ["single-task", "both"], [("bp4d", "f1", False), ("disfa", "f1", False)], "uncoupled"
    )
    assert html.count("<td") == 4
    assert "▲ +0.1" in html
    assert "chance 0.140; against no coupling +0.1" in html
    assert "unseen" in html
    bad = answer.Claim(
        "<script>x", "<script>x", answer.OPEN, (answer.Finding("<script>x", {Verdict.BETTER: ("<script>x",)}),)
    )
    assert "<script" not in study_marks.claims([bad])
