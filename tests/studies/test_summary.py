"""Runs put together: means, paired differences with their intervals, the three single-task networks as one row."""

from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from fbn.studies.affect import STUDY, AffectRequest
from fbn.studies.affect_arms import ARMS
from fbn.studies.summary import summary


def run(row: str, seed: int, figures: dict[str, float], draws: dict[str, list[float]] | None = None) -> dict[str, Any]:
    return {
        "row": row,
        "seed": seed,
        "figures": figures,
        "draws": draws or {key: [value] * 4 for key, value in figures.items()},
        "chance": dict.fromkeys(("bp4d/f1", "rafdb/mean_diagonal", "affwild2/ccc_valence/filtered"), 0.1),
        "details": {"bp4d/f1": {"AU1": figures["bp4d/f1"]}} if "bp4d/f1" in figures else {},
        "curves": {"expression": [2.0 + seed, None]},
        "labelled": {"expression": 10},
        "table": {"rows": {}} if ARMS[row].terms else None,
        "parameters": 5,
        "seconds": 2.0 + seed,
    }


def of(found: dict[str, Any], row: str, figure: str) -> dict[str, Any]:
    (one,) = [each for each in found["figures"] if (each["row"], each["figure"]) == (row, figure)]
    return one


def test_differences_are_paired_by_seed() -> None:
    runs = [run("none", s, {"bp4d/f1": f}) for s, f in enumerate((0.5, 0.7))]
    runs += [run("both", s, {"bp4d/f1": f}) for s, f in enumerate((0.6, 0.9))]
    one = of(summary(STUDY, AffectRequest(), runs), "both", "f1")
    assert (one["mean"], one["seeds"], one["chance"]) == (pytest.approx(0.75), 2, 0.1)
    told = one["uncoupled"]
    assert told["difference"] == pytest.approx(0.15)
    # 0.1 and 0.2: sd 0.0707, of the mean 0.05
    reach = stats.t.ppf(0.975, 1) * 0.05
    assert (told["low"], told["high"]) == (pytest.approx(0.15 - reach), pytest.approx(0.15 + reach))
    # draws of pictures say nothing here: what is left are the draws of two seeds
    assert (told["boot_low"], told["boot_high"]) == (pytest.approx(0.1), pytest.approx(0.2))
    assert one["single"] is None
    assert of(summary(STUDY, AffectRequest(), runs), "none", "f1")["uncoupled"] is None


def test_seeds_are_paired_by_name_not_by_place() -> None:
    runs = [run("none", s, {"bp4d/f1": f}) for s, f in ((0, 0.5), (1, 0.7))]
    runs += [run("both", s, {"bp4d/f1": f}) for s, f in ((1, 0.9), (0, 0.6), (2, 0.1))]
    told = of(summary(STUDY, AffectRequest(), runs), "both", "f1")["uncoupled"]
    assert told["seeds"] == 2
    # 0.1 and 0.2; by place it would be 0.4 and -0.1
    assert (told["difference"], told["boot_low"]) == (pytest.approx(0.15), pytest.approx(0.1))


def test_pictures_that_all_seeds_share_do_not_average_out() -> None:
    # the same difference on every seed, and pictures that move it by up to 0.1 either way
    noise = [(n - 50) / 500 for n in range(101)]
    runs = [run("none", s, {"bp4d/f1": 0.5}, {"bp4d/f1": [0.5] * 101}) for s in range(5)]
    runs += [run("both", s, {"bp4d/f1": 0.6}, {"bp4d/f1": [0.6 + n for n in noise]}) for s in range(5)]
    real = of(summary(STUDY, AffectRequest(data=Path("somewhere")), runs), "both", "f1")["uncoupled"]
    assert (real["boot_low"], real["boot_high"]) == (pytest.approx(0.005, abs=4e-3), pytest.approx(0.195, abs=4e-3))
    # pictures of each seed's own do, by the root of five
    drawn = of(summary(STUDY, AffectRequest(), runs), "both", "f1")["uncoupled"]
    reach = 1.96 * 0.2 / 12**0.5 / 5**0.5
    assert (drawn["boot_low"], drawn["boot_high"]) == (
        pytest.approx(0.1 - reach, abs=5e-3),
        pytest.approx(0.1 + reach, abs=5e-3),
    )


def test_the_bootstrap_meets_the_same_draws_on_both_sides() -> None:
    draws = [0.2, 0.4, 0.6, 0.8]
    runs = [
        run("none", 0, {"bp4d/f1": 0.5}, {"bp4d/f1": draws}),
        run("match", 0, {"bp4d/f1": 0.6}, {"bp4d/f1": [draw + 0.1 for draw in draws]}),
    ]
    told = of(summary(STUDY, AffectRequest(), runs), "match", "f1")["uncoupled"]
    assert (told["boot_low"], told["boot_high"]) == (pytest.approx(0.1), pytest.approx(0.1))
    assert told["low"] is None


def test_three_single_networks_are_one_row() -> None:
    runs = [
        run("single-expression", 0, {"rafdb/mean_diagonal": 0.4}),
        run("single-au", 0, {"bp4d/f1": 0.3}),
        run("single-va", 0, {"affwild2/ccc_valence/filtered": 0.2}),
        run("none", 0, {"bp4d/f1": 0.5, "rafdb/mean_diagonal": 0.3, "affwild2/ccc_valence/filtered": 0.2}),
    ]
    found = summary(STUDY, AffectRequest(), runs)
    assert {each["figure"]: each["mean"] for each in found["figures"] if each["row"] == "single-task"} == {
        "mean_diagonal": 0.4,
        "f1": 0.3,
        "ccc_valence": 0.2,
    }
    against = {each["figure"]: each["single"]["difference"] for each in found["figures"] if each["row"] == "none"}
    assert against == {"f1": pytest.approx(0.2), "mean_diagonal": pytest.approx(-0.1), "ccc_valence": 0.0}
    assert of(found, "none", "ccc_valence")["filtered"]
    assert not of(found, "none", "f1")["filtered"]
    assert [row["row"] for row in found["rows"]] == ["single-task", "none"]
    # each of the three has 5 weights and took 2 seconds
    assert [(row["parameters"], row["seconds"]) for row in found["rows"]] == [(15, 6.0), (5, 2.0)]


def test_an_architecture_is_held_against_itself_uncoupled() -> None:
    runs = [
        run(name, 0, {"bp4d/f1": f}) for name, f in (("none", 0.5), ("resnet-50-none", 0.6), ("resnet-50-both", 0.9))
    ]
    runs += [run("single-au", 0, {"bp4d/f1": 0.4})]
    found = summary(STUDY, AffectRequest(), runs)
    assert of(found, "resnet-50-both", "f1")["uncoupled"]["difference"] == pytest.approx(0.3)
    # single-task networks have the small body
    assert of(found, "none", "f1")["single"]["difference"] == pytest.approx(0.1)
    assert of(found, "resnet-50-none", "f1")["single"] is of(found, "resnet-50-both", "f1")["single"] is None


def test_each_au_differs_with_an_interval_of_its_own() -> None:
    runs = [run("none", s, {"bp4d/f1": f}) for s, f in enumerate((0.5, 0.7, 0.4))]
    runs += [run("both", s, {"bp4d/f1": f}) for s, f in enumerate((0.9, 0.8, 0.7))]
    runs += [run("single-au", s, {"bp4d/f1": f}) for s, f in enumerate((0.2, 0.3))]
    # active in too few pictures of that seed
    runs[4]["details"] = {}
    told = {each["row"]: each for each in summary(STUDY, AffectRequest(), runs)["details"]}
    both, expected = told["both"], stats.ttest_rel([0.9, 0.7], [0.5, 0.4]).confidence_interval(0.95)
    assert (both["mean"], both["seeds"], both["uncoupled_seeds"]) == (pytest.approx(0.8), 2, 2)
    assert both["sd"] == pytest.approx(0.2 / 2**0.5)
    assert both["uncoupled_difference"] == pytest.approx(0.35)
    assert (both["uncoupled_low"], both["uncoupled_high"]) == pytest.approx((expected.low, expected.high))
    assert (both["single_difference"], both["single_low"], both["single_seeds"]) == (pytest.approx(0.7), None, 1)
    assert (told["none"]["uncoupled_difference"], told["none"]["uncoupled_seeds"]) == (None, 0)
    assert told["none"]["single_difference"] == pytest.approx(0.35)
    assert told["single-task"]["single_difference"] is None


def test_details_and_curves_are_means_over_seeds() -> None:
    runs = [run("both", s, {"bp4d/f1": f}) for s, f in enumerate((0.6, 0.9))]
    found = summary(STUDY, AffectRequest(), runs)
    (detail,) = found["details"]
    assert (detail["row"], detail["set"], detail["name"], detail["seeds"]) == ("both", "bp4d", "AU1", 2)
    assert detail["mean"] == pytest.approx(0.75)
    assert found["curves"] == {"both": {"expression": [2.5, None]}}
    (row,) = found["rows"]
    assert (row["seconds"], row["table"], row["terms"]) == (2.5, "du2014", ARMS["both"].terms)
