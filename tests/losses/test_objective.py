"""The registry and the weighted sum; every registered term meets the same contract."""

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn.errors import FormatError
from fbn.losses import (
    TERMS,
    Objective,
    binary_cross_entropy,
    concordance_loss,
    cross_entropy,
)
from fbn.losses.terms import DistributionMatching, SoftCoAnnotation, merged
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import RelatednessTable
from fbn.tasks import COMPOUND
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX
from tests.losses.helpers import check_gradients, gradients, heads, labels, outputs, spoil

TEACHER = outputs(8, 99).detach()
#: Terms that read no labels; the others are 0 where nothing is annotated.
UNSUPERVISED = {"distribution_matching", "distillation"}
every_term = pytest.mark.parametrize("name", TERMS)


@every_term
def test_every_term_has_right_gradients(name: str) -> None:
    check_gradients(lambda p, a: Objective({name: 2.0})(p, a, TEACHER[:6])[0])


@every_term
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), value=st.floats(allow_nan=True, allow_infinity=True))
def test_every_term_ignores_labels_of_weight_0(name: str, seed: int, value: float) -> None:
    x, objective = outputs(8, seed), Objective({name: 1.0})
    clean, spoilt = (objective(x, a, TEACHER)[0] for a in (labels(8, seed), spoil(labels(8, seed), value)))
    assert torch.equal(clean, spoilt)
    for a, b in zip(gradients(clean, x), gradients(spoilt, x), strict=True):
        assert torch.equal(a, b)


@every_term
def test_every_term_without_labels(name: str) -> None:
    x = outputs(8)
    total, values = Objective({name: 1.0})(x, Annotations.empty(8), TEACHER)
    assert total.requires_grad
    assert total.isfinite()
    assert (values[name] == 0) == (name not in UNSUPERVISED)


@every_term
def test_every_term_trains_something(name: str) -> None:
    x = outputs(8)
    total, _ = Objective({name: 1.0})(x, labels(8), TEACHER)
    assert sum(g.abs().sum() for g in gradients(total, x)) > 0


@every_term
def test_every_term_under_autocast(name: str) -> None:
    half, known = outputs(8, dtype=torch.bfloat16), labels(8, dtype=torch.float32)
    whole = Predictions.of(*(head.float() for head in heads(half)))
    with torch.autocast("cpu", torch.bfloat16):
        value = Objective({name: 1.0})(half, known, TEACHER)[1][name]
    assert value.dtype == torch.float32
    assert torch.equal(value, Objective({name: 1.0})(whole, known, TEACHER)[1][name])


def test_the_default_is_the_papers_multi_task_loss() -> None:
    x, a = outputs(8), labels(8)
    total, values = Objective()(x, a)
    expected = cross_entropy(x, a) + binary_cross_entropy(x, a) + concordance_loss(x, a)
    assert total.item() == pytest.approx(expected.item())
    assert list(values) == ["expression", "action_units", "valence_arousal"]


def test_total_is_the_weighted_sum_of_the_values() -> None:
    weights = {name: 0.5 + i for i, name in enumerate(TERMS)}
    total, values = Objective(weights)(outputs(8), labels(8), TEACHER)
    assert total.item() == pytest.approx(sum(weights[name] * v.item() for name, v in values.items()), rel=1e-12)
    assert not any(v.requires_grad for v in values.values())


OPTIONS = [
    ("expression", {"class_weights": (1, 2, 3, 4, 5, 6, 7)}),
    ("action_units", {"positive_weights": tuple(range(1, 18))}),
    ("action_units", {"reduction": "sum"}),
    ("distribution_matching", {"form": "soft_target"}),
    ("distribution_matching", {"mixture": "mean"}),
    ("distribution_matching", {"binary": False}),
    ("distribution_matching", {"min_weight": 0.6}),
    ("soft_co_annotation", {"form": "soft_target"}),
    ("soft_co_annotation", {"temperature": 0.3}),
    ("soft_co_annotation", {"observational": "one"}),
    ("co_annotation", {"observational": "one"}),
    ("co_annotation", {"positive_weights": tuple(range(1, 18))}),
    ("distillation", {"temperature": 2.0}),
    ("distillation", {"label_share": 0.3}),
    ("distillation", {"factors": (1.0, 8.0, 0.5)}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=lambda x: x if isinstance(x, str) else next(iter(x)))
def test_every_option_changes_its_loss_alone(name: str, options: dict) -> None:
    x, a = outputs(8), labels(8)
    weights: dict = dict.fromkeys(TERMS, 1.0)
    before, after = Objective(weights)(x, a, TEACHER)[1], Objective(weights | {name: options})(x, a, TEACHER)[1]
    assert {term for term in TERMS if before[term].item() != after[term].item()} == {name}


def test_the_options_values_by_hand() -> None:
    happy = Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17), torch.zeros(1, 2))
    happy.expression_logits[0, EXPRESSION_INDEX["happiness"]] = 60.0
    happy.action_unit_logits[0, AU_INDEX[6]] = log(3)
    # AU6 is seen at 3/4, where q is 0.51 by weight and 1 by rank; all others at 1/2, where q makes no difference
    others = (len(RelatednessTable.named("du2014").support()) - 1) * log(2)
    for binary, q in ((True, 0.999), (False, 0.51)):
        soft = Objective({"distribution_matching": {"form": "soft_target", "binary": binary}})
        expected = others - q * log(0.75) - (1 - q) * log(0.25)
        assert soft(happy, labels(1))[0].item() == pytest.approx(expected, rel=1e-6)
    half = -0.5 * log(0.999) - 0.5 * log(0.001)
    crossed = Objective({"distribution_matching": {"form": "cross_entropy"}})(happy, labels(1))[0].item()
    expected = others / log(2) * half - 0.75 * log(0.999) - 0.25 * log(0.001)
    assert crossed == pytest.approx(expected, rel=1e-6)


def test_class_and_positive_weights_by_hand() -> None:
    faces = Annotations.stack([Annotations.of("happiness", {12: 1, 4: 0}), Annotations.of("fear", {12: 1})])
    x = Predictions.of(torch.zeros(2, 7), torch.zeros(2, 17))
    x.expression_logits[0, EXPRESSION_INDEX["happiness"]] = log(2)  # 2 in 8; fear of the second face 1 in 7
    x.action_unit_logits[0, AU_INDEX[12]] = log(3)  # 3 in 4
    classes = [1.0] * 7
    classes[EXPRESSION_INDEX["fear"]] = 5.0
    expected = (log(4) + 5 * log(7)) / 6
    assert Objective({"expression": {"class_weights": classes}})(x, faces)[0].item() == pytest.approx(expected)
    positives = [1.0] * 17
    positives[AU_INDEX[12]], positives[AU_INDEX[4]] = 4.0, 9.0
    expected = ((4 * log(4 / 3) + log(2)) / 2 + 4 * log(2)) / 2
    weighed = Objective({"action_units": {"positive_weights": positives}})
    assert weighed(x, faces)[0].item() == pytest.approx(expected)


def test_gradients_option_reaches_matching() -> None:
    x = outputs(8)
    total, _ = Objective({"distribution_matching": {"gradients": "p"}})(x, labels(8))
    e, a, _ = gradients(total, x)
    assert (e == 0).all()
    assert a.abs().sum() > 0


def test_co_annotation_is_the_task_losses_on_the_added_labels() -> None:
    faces = Annotations.stack([Annotations.of("happiness"), Annotations.of(action_units={6: 1, 12: 1, 25: 1})])
    x = Predictions.of(torch.zeros(2, 7), torch.zeros(2, 17))
    x.expression_logits[1, EXPRESSION_INDEX["happiness"]] = log(2)  # 2 in 8
    x.action_unit_logits[0, AU_INDEX[12]] = log(3)  # 3 in 4
    expression = log(4)
    # du2014 adds AU6 of weight 0.51, AU12 and AU25 of weight 1 to the first face, at p = 1/2, 3/4 and 1/2
    units = (0.51 * log(2) + log(4 / 3) + log(2)) / 2.51
    assert Objective({"co_annotation": 1.0})(x, faces)[0].item() == pytest.approx(expression + units, rel=1e-6)

    factors = [1.0] * 17
    factors[AU_INDEX[6]], factors[AU_INDEX[12]] = 2.0, 3.0
    units = (0.51 * 2 * log(2) + 3 * log(4 / 3) + log(2)) / 2.51
    weighed = Objective({"co_annotation": {"positive_weights": factors}})
    assert weighed(x, faces)[0].item() == pytest.approx(expression + units, rel=1e-6)


def test_terms_of_weight_0_are_not_computed() -> None:
    only = Predictions.of(expression=outputs(8).expression_logits)
    total, values = Objective({"expression": 1.0, "action_units": 0.0, "distillation": 0.0})(only, labels(8))
    assert list(values) == ["expression"]
    assert total.requires_grad


def test_every_head_stays_in_the_graph() -> None:
    x = outputs(8)
    total, _ = Objective({"expression": 1.0})(x, labels(8))
    found = torch.autograd.grad(total, heads(x))
    assert [bool((g == 0).all()) for g in found] == [False, True, True]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="teacher"):
        Objective({"distillation": 1.0})(outputs(8), labels(8))
    with pytest.raises(ValueError, match="no action units head"):
        Objective()(Predictions.of(expression=torch.zeros(8, 7)), labels(8))


def test_a_task_names_its_own_loss() -> None:
    gaze = {"name": "gaze", "kind": "continuous", "labels": ["yaw", "pitch"]}
    terms = Objective({"compound": 0.5, "attributes": {"reduction": "sum"}, "gaze": {"task": gaze}}).terms
    assert {name: (type(term).__name__, str(term.task)) for name, term in terms.items()} == {
        "compound": ("CrossEntropy", "compound"),
        "attributes": ("BinaryCrossEntropy", "attributes"),
        "gaze": ("Concordance", "gaze"),
    }
    said = Predictions({COMPOUND: torch.zeros(2, len(COMPOUND))})
    known = Annotations({COMPOUND: Label(torch.eye(len(COMPOUND))[:2], torch.ones(2))})
    assert Objective({"compound": 2.0})(said, known)[0].item() == pytest.approx(2 * log(len(COMPOUND)))


def test_terms_are_merged_by_weight_or_by_field() -> None:
    before = Objective({"soft_co_annotation": {"weight": 0.1, "temperature": 0.3}, "expression": 1.0}).terms
    after = merged(before, {"soft_co_annotation": 0.4, "distribution_matching": {"form": "printed"}})
    assert after["expression"] is before["expression"]
    assert after["soft_co_annotation"] == SoftCoAnnotation(weight=0.4, temperature=0.3)
    assert after["distribution_matching"] == DistributionMatching(form="printed")
    assert merged(after, {"soft_co_annotation": {"form": "soft_target"}})["soft_co_annotation"].weight == 0.4


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"emotion": 1.0}, "'emotion'.*expected"),
        ({"expression": -1.0}, "expression: weight: .*greater than or equal to 0"),
        ({"expression": float("nan")}, "weight: .*finite"),
        ({"distribution_matching": {"form": "js"}}, "form: .*'kl'"),
        ({"distribution_matching": {"mixture": "max"}}, "mixture"),
        ({"distribution_matching": {"gradients": "none"}}, "gradients"),
        ({"distribution_matching": {"shape": "kl"}}, "shape: Extra inputs"),
        ({"soft_co_annotation": {"form": "kl"}}, "form: .*'printed' or 'soft_target'"),
        ({"soft_co_annotation": {"observational": "half"}}, "observational"),
        ({"soft_co_annotation": {"temperature": float("nan")}}, "temperature"),
        ({"expression": {"class_weights": (1.0, 2.0)}}, "class_weights: expected 7 numbers"),
        ({"action_units": {"positive_weights": (-1.0,) * 17}}, "positive_weights"),
        ({"expression": {"task": "action_units"}}, "action_units is binary: expected a categorical task"),
        ({"mine": {"task": "gaze"}}, "unknown task 'gaze'"),
        ({"distillation": {"temperature": 0.0}}, "temperature"),
        ({"distillation": {"label_share": 1.5}}, "label_share"),
        ({"distillation": {"factors": (1.0, 8.0)}}, "factors"),
    ],
)
def test_wrong_terms_are_named_before_training(terms: dict, named: str) -> None:
    with pytest.raises(FormatError, match=named):
        Objective(terms)
