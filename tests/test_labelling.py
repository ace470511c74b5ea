"""Co-annotation in both directions, soft labels, pseudo-labels, merging: worked examples and invariance."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fbn.labelling import co_annotations, intensity, pseudo_annotate, soft_labels
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import RelatednessTable
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS

DU = RelatednessTable.named("du2014")
HAPPINESS, SURPRISE = EXPRESSION_INDEX["happiness"], EXPRESSION_INDEX["surprise"]


def co_annotate(labels: Annotations, *how: str, **options: str) -> Annotations:
    """The labels with those that co-annotation adds."""
    return labels.merge(co_annotations(labels, DU, *how, **options))


def _active(*numbers: int) -> Annotations:
    """All AUs annotated, these active."""
    return Annotations.of(action_units={n: float(n in numbers) for n in AU_NUMBERS})


def _weights(labels: Annotations) -> dict[int, float]:
    """AU number -> weight of what is annotated."""
    found = zip(AU_NUMBERS, labels.action_units_weight.tolist(), strict=True)
    return {n: round(w, 6) for n, w in found if w}


def _same(a: Annotations, b: Annotations) -> bool:
    """Equal weights, and equal values wherever they count."""
    e, u, v = a.expression_weight, a.action_units_weight, a.valence_arousal_weight
    return (
        torch.equal(e, b.expression_weight)
        and torch.equal(u, b.action_units_weight)
        and torch.equal(v, b.valence_arousal_weight)
        and torch.equal(a.expression[e > 0], b.expression[e > 0])
        and torch.equal(a.action_units[u > 0], b.action_units[u > 0])
        and torch.equal(a.valence_arousal[v > 0], b.valence_arousal[v > 0])
    )


def _mixed(n: int, seed: int) -> Annotations:
    """Labels of every kind, with every pattern of missing ones."""
    g = torch.Generator().manual_seed(seed)

    def coin(*shape: int) -> Tensor:
        return (torch.rand(*shape, generator=g) < 0.5).float()

    return Annotations(
        {
            EXPRESSION: Label(torch.rand(n, 7, generator=g).softmax(-1), coin(n)),
            ACTION_UNITS: Label(coin(n, 17), coin(n, 17) * coin(n, 1)),
            VALENCE_AROUSAL: Label(torch.rand(n, 2, generator=g) * 2 - 1, coin(n)),
        }
    )


def test_happiness_gives_its_three_aus() -> None:
    labels = co_annotate(Annotations.of("happiness"))
    assert _weights(labels) == {6: 0.51, 12: 1, 25: 1}
    assert labels.action_units[[AU_INDEX[n] for n in (6, 12, 25)]].tolist() == [1, 1, 1]
    assert labels.expression[HAPPINESS] == 1
    assert _weights(co_annotate(Annotations.of("happiness"), observational="one")) == {6: 1, 12: 1, 25: 1}


def test_neutral_gives_none() -> None:
    assert _weights(co_annotate(Annotations.of("neutral"))) == {}


def test_votes_count_by_the_top_ones_share() -> None:
    labels = co_annotate(Annotations.of({"happiness": 6, "surprise": 4}))
    assert _weights(labels) == {6: 0.306, 12: 0.6, 25: 0.6}


def test_annotated_aus_stay() -> None:
    labels = co_annotate(Annotations.of("happiness", {12: 0, 4: 1}))
    assert labels.action_units[AU_INDEX[12]] == 0
    assert _weights(labels) == {4: 1, 6: 0.51, 12: 1, 25: 1}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((6, 12, 25), "happiness"),
        ((6, 12, 25, 26), "happiness"),
        ((12, 25), None),
        ((1, 4, 6, 15, 17), "sadness"),  # its AU11 is skipped
        # fear requires seven, surprise five of them
        ((1, 2, 4, 5, 20, 25, 26), "fear"),
        ((1, 2, 5, 25, 26, 12, 6), "surprise"),
        ((), None),
    ],
)
def test_aus_give_the_expression_that_requires_most(numbers: tuple[int, ...], expected: str | None) -> None:
    labels = co_annotate(_active(*numbers))
    assert labels.expression_weight == (expected is not None)
    if expected:
        assert labels.expression[EXPRESSION_INDEX[expected]] == labels.expression.sum() == 1


def test_a_required_au_must_be_annotated() -> None:
    assert co_annotate(Annotations.of(action_units={12: 1, 25: 1})).expression_weight == 0


def test_a_given_expression_stays() -> None:
    labels = co_annotate(Annotations.of("anger", {6: 1, 12: 1, 25: 1}))
    assert labels.expression[EXPRESSION_INDEX["anger"]] == labels.expression.sum() == 1


def test_an_expression_weighs_no_more_than_its_weakest_au() -> None:
    labels = _active(6, 12, 25)
    labels.action_units_weight[AU_INDEX[25]] = 0.3
    labels.action_units_weight[AU_INDEX[9]] = 0.1
    assert co_annotate(labels).expression_weight.item() == pytest.approx(0.3)


def test_directions() -> None:
    faces = Annotations.stack([Annotations.of("happiness"), _active(6, 12, 25)])
    forward = co_annotate(faces, "expression_to_au")
    assert forward.expression_weight.tolist() == [1, 0]
    assert _weights(forward[0])
    backward = co_annotate(faces, "au_to_expression")
    assert backward.expression_weight.tolist() == [1, 1]
    assert not _weights(backward[0])


def test_co_annotations_are_what_is_added() -> None:
    faces = Annotations.stack(
        [Annotations.of("happiness", {12: 0, 4: 1}), _active(6, 12, 25, 4), Annotations.of("fear")]
    )
    added = co_annotations(faces, DU)
    assert added.expression_weight.tolist() == [0, 1, 0]
    assert added.expression[1].tolist() == [0, 0, 0, 0, 1, 0, 0]
    # of happiness AU12 is given already; fear's AUs as in Du 2014
    assert [_weights(added[i]) for i in range(3)] == [
        {6: 0.51, 25: 1},
        {},
        {1: 1, 4: 1, 20: 1, 25: 1, 2: 0.57, 5: 0.63, 26: 0.33},
    ]
    assert added.action_units[added.action_units_weight > 0].eq(1).all()
    assert not added.valence_arousal_weight.any()

    whole = co_annotate(faces)
    assert whole.expression_weight.tolist() == [1, 1, 1]
    assert whole.expression.argmax(-1).tolist() == [HAPPINESS, HAPPINESS, EXPRESSION_INDEX["fear"]]
    assert _weights(whole[0]) == {4: 1, 6: 0.51, 12: 1, 25: 1}
    assert whole.action_units[0, [AU_INDEX[n] for n in (4, 6, 12, 25)]].tolist() == [1, 1, 0, 1]


def test_co_annotating_twice_is_co_annotating_once() -> None:
    once = co_annotate(_mixed(200, 2))
    assert _same(co_annotate(once), once)


def test_co_annotation_reads_nothing_of_weight_0() -> None:
    faces = _mixed(200, 3)
    expression = faces.expression.masked_fill((faces.expression_weight == 0)[:, None], torch.nan)
    units = faces.action_units.masked_fill(faces.action_units_weight == 0, torch.nan)
    spoilt = faces | {
        EXPRESSION: Label(expression, faces.expression_weight),
        ACTION_UNITS: Label(units, faces.action_units_weight),
    }
    assert _same(co_annotate(spoilt), co_annotate(faces))
    assert torch.equal(intensity(spoilt, DU), intensity(faces, DU))


def test_any_batch_shape() -> None:
    faces = _mixed(12, 4)
    folded = faces.map(lambda x: x.reshape(3, 4, *x.shape[1:]))
    unfolded = co_annotate(folded)[1]
    assert _same(unfolded, co_annotate(faces)[4:8])
    assert torch.equal(soft_labels(folded, DU)[1], soft_labels(faces, DU)[4:8])


def test_intensity_of_happiness() -> None:
    y6, y12, y25 = 0.2, 0.9, 0.4
    scores = intensity(Annotations.of(action_units={6: y6, 12: y12, 25: y25}), DU)
    assert scores[HAPPINESS].item() == pytest.approx((y12 + y25 + 0.51 * y6) / 2.51)
    ones = intensity(Annotations.of(action_units={6: y6, 12: y12, 25: y25}), DU, "one")
    assert ones[HAPPINESS].item() == pytest.approx((y12 + y25 + y6) / 3)


def test_intensity_sums_run_over_annotated_aus() -> None:
    scores = intensity(Annotations.of(action_units={12: 1, 6: 0}), DU)
    assert scores[HAPPINESS].item() == pytest.approx(1 / 1.51)
    assert scores[SURPRISE] == 0  # none of its AUs is annotated


@pytest.mark.parametrize(("numbers", "expected"), [((), 1), ((14,), 0), ((6, 12, 25), 0)])
def test_neutral_is_the_absence_of_active_aus(numbers: tuple[int, ...], expected: float) -> None:
    assert intensity(_active(*numbers), DU)[0] == expected


def test_intensity_against_loops() -> None:
    faces = _mixed(50, 5)
    expected = np.zeros((50, 7))
    for i in range(50):
        known = {n: faces.action_units[i, a].item() for n, a in AU_INDEX.items() if faces.action_units_weight[i, a]}
        for e, name in enumerate(EXPRESSIONS):
            terms = [(w, known[n]) for n, w in DU.row(name).items() if n in known]
            expected[i, e] = sum(w * y for w, y in terms) / sum(w for w, _ in terms) if terms else 0
        expected[i, 0] = 1 - max(known.values(), default=0)
    np.testing.assert_allclose(intensity(faces, DU).numpy(), expected, atol=1e-6)


def test_one_perfect_match_gives_a_nearly_flat_soft_label() -> None:
    table = DU.restrict(categories=[*EXPRESSIONS]).edited("sadness", 6, None).edited("fear", 25, None)
    table = table.edited("surprise", 25, None)
    labels = soft_labels(_active(6, 12, 25), table)
    assert labels[HAPPINESS].item() == pytest.approx(np.e / (np.e + 6))  # 0.31
    assert labels.sum().item() == pytest.approx(1)
    sharp = soft_labels(_active(6, 12, 25), table, temperature=0.1)
    assert sharp[HAPPINESS].item() == pytest.approx(np.exp(10) / (np.exp(10) + 6))


def test_merge_prefers_the_first() -> None:
    first, second = Annotations.of("fear", {1: 0}), Annotations.of("anger", {1: 1, 4: 1}, (0.5, 0.5))
    labels = first.merge(second)
    assert labels.expression[EXPRESSION_INDEX["fear"]] == 1
    assert labels.action_units[[AU_INDEX[1], AU_INDEX[4]]].tolist() == [0, 1]
    assert labels.valence_arousal_weight == 1
    assert _same(first.merge(Annotations.empty()), first)
    assert _same(Annotations.empty().merge(second), second)


def test_pseudo_annotation_fills_what_is_missing() -> None:
    faces = Annotations.stack([Annotations.of("fear"), Annotations.of(action_units={12: 1})])
    heads = Predictions.of(torch.zeros(2, 7), torch.zeros(2, 17, requires_grad=True), torch.tensor([[2.0, 0], [0, -3]]))
    labels = pseudo_annotate(faces, heads, weight=0.3)
    assert labels.expression_weight.tolist() == pytest.approx([1, 0.3])
    assert labels.expression[0, EXPRESSION_INDEX["fear"]] == 1
    assert labels.expression[1].tolist() == pytest.approx([1 / 7] * 7)
    assert labels.action_units[1, AU_INDEX[12]] == 1
    assert labels.action_units[1, AU_INDEX[6]] == 0.5
    assert labels.valence_arousal.tolist() == [[1, 0], [0, -1]]
    assert not labels.action_units.requires_grad


def test_pseudo_annotation_fills_only_the_tasks_asked_for() -> None:
    heads = Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17))
    labels = pseudo_annotate(Annotations.empty(1), heads, tasks=[ACTION_UNITS, VALENCE_AROUSAL])
    assert labels.expression_weight == 0
    assert labels.action_units_weight.all()
    assert labels.valence_arousal_weight == 0
