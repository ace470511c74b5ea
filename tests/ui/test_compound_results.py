"""What few-shot learning found, in words and figures."""

from fbn.fewshot.report import conclusion, figures_table, headline, percent
from fbn.fewshot.request import Result
from fbn.ui.compound import html
from fbn.ui.compound.charts import comparison, learning_curve, recalls
from tests.ui.few_shot import CLASSES, figure, result


def test_the_stand_in_is_a_result():
    assert set(result()) == set(Result.__annotations__)


def test_the_sentence_claims_only_what_the_interval_allows():
    assert conclusion(result()) == (
        "The pictures **made it better**: +25 points against zero-shot (95 % interval +5 to +40)."
    )
    assert "**made it worse**" in conclusion(result(difference=figure(-0.2, -0.3, -0.1)))
    assert "**cannot be told**" in conclusion(result(difference=figure(0.2, -0.01, 0.4)))
    assert "**as zero-shot does**" in conclusion(result(difference=figure(0.0, 0.0, 0.0)))
    assert "no telling" in conclusion(result(difference=figure(0.2)))
    nothing = {name: figure(None) for name in ("mean_diagonal", "macro_f1", "uar", "accuracy")}
    assert "Nothing could be measured" in conclusion(result(figures=nothing))


def test_the_answer_has_units_and_intervals():
    assert headline(result()) == [
        ("Few-shot, mean diagonal", "75 %", "95 % interval 65 to 85 %"),
        ("Zero-shot", "50 %", "95 % interval 40 to 60 %"),
        ("Guessing", "33 %", ""),
    ]
    assert percent(None) == "–"
    assert figures_table(result()).loc["Macro F1"].tolist() == ["75 % (65 to 85)", "50 % (40 to 60)"]


def test_the_intervals_are_drawn_where_they_lie():
    few = next(trace for trace in comparison(result()).data if trace.name == "few-shot")
    assert (list(few.x), list(few.y)) == ([75.0], ["few-shot"])
    assert [round(few.error_x[side][0], 6) for side in ("array", "arrayminus")] == [10, 10]


def test_the_curve_runs_from_zero_shot_to_all():
    drawn = {trace.name: trace for trace in learning_curve(result()).data}
    assert list(drawn["few-shot"].x) == ["0", "5", "all"]
    assert list(drawn["few-shot"].y) == [50, 60, 75]
    assert list(drawn["zero-shot"].y) == [50, 50]
    assert round(drawn["guessing"].y[0]) == 33
    assert len(drawn["single draws"].y) == 6
    assert learning_curve(result(curve=[])) is None


def test_classes_that_were_not_measured_are_not_drawn():
    few = next(trace for trace in recalls(result()).data if trace.name == "few-shot")
    assert dict(zip(few.y, few.x, strict=True)) == {"Happily surprised": 50, "Sadly angry": 100}
    assert list(few.customdata) == [4, 4]


def test_the_matrix_tells_each_cell_and_what_users_type_stays_text():
    drawn = html.matrix([[2, 2, 0], [0, 4, 0], [0, 0, 0]], CLASSES, "few-shot")
    assert 'title="happily surprised, said to be sadly angry: 2 of 4"' in drawn
    assert drawn.count("fbn-own") == 3
    bad = "<script>x</script>"
    mistake = result()["wrong"][0] | {"path": bad, "true": bad, "said": bad}
    for text in (
        html.counts({bad: 1}),
        html.matrix([[1, 0], [0, 0]], [bad, "b"], bad),
        html.gallery([("", bad)]),
        html.mistakes([(mistake, "", "")]),
    ):
        assert "<script" not in text.lower()
