"""What few-shot learning found, in words and figures."""

from fbn.fewshot.request import Result
from fbn.ui.compound import marks
from fbn.ui.compound.results import answer, comparison, figures, learning_curve, percent, recalls, sentence
from tests.ui.few_shot import CLASSES, figure, result


def test_the_stand_in_is_a_result():
    assert set(result()) == set(Result.__annotations__)


def test_the_sentence_claims_only_what_the_interval_allows():
    assert sentence(result()) == (
        "The pictures **made it better**: +25 points against zero-shot (95 % interval +5 to +40)."
    )
    assert "**made it worse**" in sentence(result(difference=figure(-0.2, -0.3, -0.1)))
    assert "**cannot be told**" in sentence(result(difference=figure(0.2, -0.01, 0.4)))
    assert "**as zero-shot does**" in sentence(result(difference=figure(0.0, 0.0, 0.0)))
    assert "no telling" in sentence(result(difference=figure(0.2)))
    nothing = {name: figure(None) for name in ("mean_diagonal", "macro_f1", "uar", "accuracy")}
    assert "Nothing could be measured" in sentence(result(figures=nothing))


def test_the_answer_has_units_and_intervals():
    assert answer(result()) == [
        ("Few-shot, mean diagonal", "75 %", "95 % interval 65 to 85 %"),
        ("Zero-shot", "50 %", "95 % interval 40 to 60 %"),
        ("Guessing", "33 %", ""),
    ]
    assert percent(None) == "–"
    assert figures(result())[1] == ["Macro F1", "75 % (65 to 85)", "50 % (40 to 60)"]


def test_the_intervals_are_drawn_where_they_lie():
    few = next(line for line in comparison(result())["data"] if line["y"] == ["few-shot"])
    assert few["x"] == [75.0]
    assert [round(few["error_x"][side][0], 6) for side in ("array", "arrayminus")] == [10, 10]


def test_the_curve_runs_from_zero_shot_to_all():
    drawn = {line["name"]: line for line in learning_curve(result())["data"]}
    assert drawn["few-shot"]["x"] == ["0", "5", "all"]
    assert drawn["few-shot"]["y"] == [50, 60, 75]
    assert drawn["zero-shot"]["y"] == [50, 50]
    assert round(drawn["guessing"]["y"][0]) == 33
    assert len(drawn["single draws"]["y"]) == 6
    assert learning_curve(result(curve=[])) is None


def test_classes_that_were_not_measured_are_not_drawn():
    few = next(line for line in recalls(result())["data"] if line.get("name") == "few-shot")
    assert dict(zip(few["y"], few["x"], strict=True)) == {"Happily surprised": 50, "Sadly angry": 100}


def test_the_matrix_tells_each_cell_and_what_users_type_stays_text():
    drawn = marks.matrix([[2, 2, 0], [0, 4, 0], [0, 0, 0]], CLASSES, "few-shot")
    assert 'title="happily surprised, said to be sadly angry: 2 of 4"' in drawn
    assert drawn.count("fbn-own") == 3
    bad = "<script>x</script>"
    mistake = marks.Mistake("", "", bad, bad, bad, 0.5, 0.5)
    for html in (
        marks.counts({bad: 1}),
        marks.matrix([[1, 0], [0, 0]], [bad, "b"], bad),
        marks.gallery([("", bad)]),
        marks.mistakes([mistake]),
        marks.table([bad], [[bad, bad]]),
        marks.answer([(bad, "1", bad)]),
    ):
        assert "<script" not in html.lower()
