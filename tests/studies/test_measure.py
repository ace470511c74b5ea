"""Figures of held-out sets: each by hand, filtered as the house filters, on draws that every network meets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fbn.data.loading import Pool
from fbn.faces.geometry import Box
from fbn.inference.results import Affect, FaceResult, FrameResult
from fbn.inference.smooth import median_filter
from fbn.records import Annotations, Predictions
from fbn.studies.material import HeldOutSet
from fbn.studies.measure import WINDOW, _heads, chance, filtered, measure
from fbn.tasks import ACTION_UNITS, EXPRESSION
from fbn.vocabulary import AU_INDEX, EXPRESSIONS

FACES = ("anger", "anger", "disgust", "fear", "fear", "fear")


def held(name: str = "somewhere", **changes: object) -> HeldOutSet:
    """Six faces; AU1 is active on the first four, AU2 on one, which is too few to score."""
    labels = Annotations.stack(
        [Annotations.of(e, {1: float(i < 4), 2: float(i == 0)}, (i / 5, -i / 5)) for i, e in enumerate(FACES)]
    )
    pool = Pool.of({name: (np.zeros((6, 8, 8, 3), np.uint8), labels)})
    figures = ("ccc_valence", "mean_diagonal", "accuracy", "f1", "afa")
    return HeldOutSet(name, pool, figures, np.arange(6), trained_on=True, **changes)  # type: ignore[arg-type]


def said(own: HeldOutSet) -> Predictions:
    """Right but for one anger taken for fear and AU1 missed on one face, imagined on another."""
    labels = own.pool.annotations
    expression = labels.expression.clone()
    expression[0] = torch.eye(7)[EXPRESSIONS.index("fear")]  # type: ignore[arg-type]
    units = torch.full((6, 17), -3.0)
    units[[1, 2, 3, 4], AU_INDEX[1]] = 3.0
    return Predictions.of(20 * expression, units, labels.valence_arousal.clone())


def test_figures_by_hand() -> None:
    own = held()
    found = measure({own.name: said(own)}, (own,), rounds=5, seed=0)
    # AU1: 3 hits, one false, one missed; of six decisions four are right
    assert found.figures == {
        "somewhere/ccc_valence": pytest.approx(1),
        "somewhere/mean_diagonal": pytest.approx((1 / 2 + 1 + 1) / 3),
        "somewhere/accuracy": pytest.approx(5 / 6),
        "somewhere/f1": pytest.approx(6 / 8),
        "somewhere/afa": pytest.approx((6 / 8 + 4 / 6) / 2),
    }
    assert found.details["somewhere/f1"] == {"AU1": pytest.approx(6 / 8)}
    assert found.details["somewhere/recall"] == {"anger": 0.5, "disgust": 1.0, "fear": 1.0}


def test_a_single_task_network_has_its_own_figures_alone() -> None:
    own = held()
    units = said(own).only(ACTION_UNITS)
    found = measure({own.name: units}, (own,), rounds=2, seed=0)
    assert set(found.figures) == {"somewhere/f1", "somewhere/afa"} == set(found.draws)


def test_draws_are_the_same_for_all_and_take_groups_whole() -> None:
    own = replace(held(), groups=np.array([0, 0, 0, 1, 1, 1]))
    perfect = said(own) | {EXPRESSION: 20 * own.pool.annotations.expression}
    first, second, again = (
        measure({own.name: p}, (own,), rounds=20, seed=3).draws["somewhere/accuracy"]
        for p in (said(own), perfect, said(own))
    )
    assert first == again
    assert set(second) == {1.0}
    # the wrong face stands in the first group: a draw holds that none, one or two times out of two
    assert set(first) == {1.0, round(5 / 6, 5), round(2 / 3, 5)}


def test_filtered_as_the_product_filters() -> None:
    generator = torch.Generator().manual_seed(0)
    said = Predictions.of(*(torch.randn(14, size, generator=generator) for size in (7, 17, 2)))
    heads = _heads(said)
    found = {name: filtered(values, 7) for name, values in heads.items()}
    for start in (0, 7):
        faces = [
            FaceResult(
                0,
                Box(0, 0, 1, 1),
                1.0,
                np.zeros((5, 2)),
                Affect(heads["expression"][i], heads["affect"][i], heads["units"][i]),
            )
            for i in range(start, start + 7)
        ]
        frames = [FrameResult("", i, i / 6, (1, 1), (face,)) for i, face in enumerate(faces)]
        smoothed = [frame.faces[0].smoothed for frame in median_filter(frames, WINDOW)]
        # of probabilities: an expression's median is not that of its logits
        for name, field in (("expression", "expression"), ("affect", "valence_arousal"), ("units", "action_units")):
            expected = np.stack([getattr(one, field) for one in smoothed if one is not None])
            np.testing.assert_allclose(found[name][start : start + 7], expected, atol=1e-6)


def test_video_is_told_raw_and_filtered() -> None:
    own = held(frames=3)
    found = measure({own.name: said(own)}, (own,), rounds=2, seed=0)
    assert found.figures["somewhere/ccc_valence"] == pytest.approx(1)
    assert found.figures["somewhere/ccc_valence/filtered"] < 1
    assert set(chance((own,))) == set(found.figures)


def test_chance() -> None:
    own = held()
    assert chance((own,)) == {
        "somewhere/ccc_valence": 0.0,
        "somewhere/mean_diagonal": pytest.approx(1 / 3),
        "somewhere/accuracy": pytest.approx(1 / 2),
        "somewhere/f1": pytest.approx(8 / 10),
        "somewhere/afa": pytest.approx((8 / 10 + 4 / 6) / 2),
    }


def test_a_network_that_says_no_numbers_has_no_figures() -> None:
    own = held()
    logits = said(own).action_unit_logits.clone()  # type: ignore[union-attr]
    logits[0, 0] = float("nan")
    found = measure({"somewhere": said(own) | {ACTION_UNITS: logits}}, (own,), rounds=2, seed=0)
    assert (found.figures, found.draws, found.details) == ({}, {}, {})


def test_several_sets_with_aus_have_their_mean() -> None:
    first, second = held(), held("elsewhere")
    worse = said(second) | {ACTION_UNITS: -said(second)[ACTION_UNITS]}
    found = measure({"somewhere": said(first), "elsewhere": worse}, (first, second), rounds=4, seed=0)
    # AU1 of the second: one hit, one false, three missed
    assert found.figures["elsewhere/f1"] == pytest.approx(2 / 6)
    assert found.figures["all-au-sets/f1"] == pytest.approx((6 / 8 + 2 / 6) / 2)
    draws = zip(found.draws["somewhere/f1"], found.draws["elsewhere/f1"], strict=True)
    assert found.draws["all-au-sets/f1"] == pytest.approx([(a + b) / 2 for a, b in draws], abs=1e-4)
    assert chance((first, second))["all-au-sets/f1"] == pytest.approx(8 / 10)
