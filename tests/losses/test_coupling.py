"""Distribution matching and soft co-annotation: worked examples, NumPy references, minima, gradients."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from fbn.labelling import soft_labels
from fbn.losses import distribution_matching, soft_co_annotation
from fbn.losses.coupling import mixture_of_rows
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS
from tests.losses.helpers import check_gradients, gradients, labels, outputs, spoil

TABLES = {name: RelatednessTable.named(name) for name in RelatednessTable.names()}
DU = TABLES["du2014"]
FORMS = ("kl", "printed", "cross_entropy", "soft_target")
EPS = 1e-3
every_form = pytest.mark.parametrize("form", FORMS)
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def _q(expression: Tensor, au: int, **options: object) -> float:
    return mixture_of_rows(expression, DU, **options)[0][AU_INDEX[au]].item()


def _logit(p: Tensor) -> Tensor:
    return (p / (1 - p)).log()


def test_worked_examples_of_the_mixture() -> None:
    p = torch.tensor([0.05, 0.1, 0.15, 0.2, 0.25, 0.1, 0.15], dtype=torch.float64)
    fear, surprise = p[EXPRESSION_INDEX["fear"]].item(), p[EXPRESSION_INDEX["surprise"]].item()
    assert _q(p, 2) == pytest.approx(surprise + fear)  # A
    assert _q(p, 2, mixture="mean") == pytest.approx((surprise + fear) / 2)  # C
    assert _q(p, 2, binary=False) == pytest.approx(surprise + 0.57 * fear)
    happy = torch.eye(7, dtype=torch.float64)[EXPRESSION_INDEX["happiness"]]
    assert [n for n in AU_NUMBERS if _q(happy, n)] == [6, 12, 25]
    assert [_q(happy, n) for n in (6, 12, 25)] == [1, 1, 1]
    assert _q(happy, 6, binary=False) == pytest.approx(0.51)


def test_the_complement_is_exact_close_to_1() -> None:
    p = torch.tensor([1e-9, 0, 0, 0, 1 - 1e-9, 0, 0])
    _, rest = mixture_of_rows(p, DU)
    assert rest[AU_INDEX[12]].item() == pytest.approx(1e-9)


def _reference(p: np.ndarray, e: np.ndarray, table: RelatednessTable, form: str, mixture: str, binary: bool) -> float:
    """Loops over faces, AUs and expressions, straight from the formulas."""
    total = 0.0
    for pa, pe in zip(p, e, strict=True):
        for number, a in AU_INDEX.items():
            r = [table.row(name).get(number, 0.0) for name in EXPRESSIONS]
            r = [float(w >= 0.1) if binary else w for w in r]
            having = sum(w > 0 for w in r)
            if not having:
                continue
            q = sum(w * x for w, x in zip(r, pe, strict=True)) / (having if mixture == "mean" else 1)
            q, x = min(max(q, EPS), 1 - EPS), pa[a]
            total += {
                "kl": x * np.log(x / q) + (1 - x) * np.log((1 - x) / (1 - q)),
                "printed": -x * np.log(q),
                "cross_entropy": -x * np.log(q) - (1 - x) * np.log(1 - q),
                "soft_target": -q * np.log(x) - (1 - q) * np.log(1 - x),
            }[form]
    return total / len(p)


@every_table
@pytest.mark.parametrize(("form", "mixture", "binary"), list(product(FORMS, ("sum", "mean"), (True, False))))
def test_matching_reference(table: RelatednessTable, form: str, mixture: str, binary: bool) -> None:
    x = outputs(5)
    value = distribution_matching(x, table, form, mixture, binary, EPS).item()
    p, e = x.action_units.detach().numpy(), x.expression.detach().numpy()
    # a table's weights are float32
    tolerance = 1e-10 if binary else 1e-7
    assert value == pytest.approx(_reference(p, e, table, form, mixture, binary), rel=tolerance)


@every_form
@pytest.mark.parametrize("gradients", ["both", "p", "q"])
def test_matching_gradients(form: str, gradients: str) -> None:
    if gradients == "both":
        check_gradients(lambda p, a: distribution_matching(p, DU, form, gradients="both"), 3)
        return
    x = outputs(3)
    e, a, v = torch.autograd.grad(
        distribution_matching(x, DU, form, gradients=gradients),
        [x.expression_logits, x.action_unit_logits, x.valence_arousal],
        allow_unused=True,
    )
    both = torch.autograd.grad(
        distribution_matching(x, DU, form, gradients="both"), [x.expression_logits, x.action_unit_logits]
    )
    assert v is None
    if gradients == "p":
        assert e is None
        torch.testing.assert_close(a, both[1])
    else:
        assert a is None
        torch.testing.assert_close(e, both[0])


def test_gradients_flow_through_both_except_for_the_soft_target() -> None:
    for form in FORMS:
        x = outputs(3)
        e, a, _ = gradients(distribution_matching(x, DU, form), x)
        assert a.abs().sum() > 0
        assert (e.abs().sum() > 0) == (form != "soft_target")


def _minimise(form: str, e: Tensor, table: RelatednessTable) -> Tensor:
    """p(a|x) where the form is lowest for the given p(e|x), found by descent."""
    z = torch.zeros(1, 17, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([z], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        # a small pull keeps the linear forms' minimum, at infinity, within reach
        loss = distribution_matching(Predictions.of(e, z), table, form, gradients="p") + 1e-9 * z.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return z.detach().sigmoid()[0]


@every_form
def test_where_each_form_is_lowest(form: str) -> None:
    e = torch.tensor([[0.1, -0.4, 0.3, 0.5, 1.5, -0.2, 0.4]], dtype=torch.float64)
    q = mixture_of_rows(e.softmax(-1), DU)[0][0]
    kept = torch.tensor([AU_INDEX[n] for n in DU.support()])
    p = _minimise(form, e, DU)[kept]
    if form in ("kl", "soft_target"):
        torch.testing.assert_close(p, q[kept], atol=1e-5, rtol=0)
    elif form == "printed":
        assert p.max() < 0.01
    else:
        assert (q[kept] > 0.5).any()
        torch.testing.assert_close(p, (q[kept] > 0.5).double(), atol=0.01, rtol=0)


def _agreeing(n: int = 4) -> Predictions:
    x = outputs(n)
    q, _ = mixture_of_rows(x.expression.detach(), DU)
    return Predictions.of(x.expression_logits, _logit(q.clamp(EPS, 1 - EPS)).requires_grad_())


def test_kl_is_0_without_gradient_where_the_heads_agree() -> None:
    x = _agreeing()
    value = distribution_matching(x, DU)
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert all(g.abs().max() < 1e-12 for g in gradients(value, x))


def test_cross_entropies_are_the_entropy_where_the_heads_agree() -> None:
    x = _agreeing()
    kept = [AU_INDEX[n] for n in DU.support()]
    q = x.action_units.detach()[:, kept].numpy()
    entropy = -(q * np.log(q) + (1 - q) * np.log(1 - q)).sum(-1).mean()
    for form in ("cross_entropy", "soft_target"):
        assert distribution_matching(x, DU, form).item() == pytest.approx(entropy, rel=1e-10)
    target = distribution_matching(x, DU, "soft_target")
    assert gradients(target, x)[1].abs().max() < 1e-12


@every_form
@every_table
def test_matching_leaves_aus_outside_the_support_alone(form: str, table: RelatednessTable) -> None:
    x = outputs(3)
    a = gradients(distribution_matching(x, table, form), x)[1]
    support = table.support(binary=True)
    assert [n for n in AU_NUMBERS if a[:, AU_INDEX[n]].abs().sum() > 0] == list(support)


@every_form
def test_matching_is_finite_at_the_extremes(form: str) -> None:
    z = torch.tensor([[200.0] * 17, [-200.0] * 17], requires_grad=True)
    e = torch.tensor([[300.0] + [0.0] * 6, [0.0] * 6 + [300.0]], requires_grad=True)
    x = Predictions.of(e, z)
    value = distribution_matching(x, DU, form, gradients="both")
    assert value.isfinite()
    assert all(g.isfinite().all() for g in gradients(value, x))


def test_small_weights_are_matched_only_from_min_weight_on() -> None:
    table = DU.edited("happiness", 14, 0.05)
    x = outputs(3)
    assert distribution_matching(x, table) == distribution_matching(x, DU)
    assert distribution_matching(x, table, min_weight=0.05) != distribution_matching(x, DU)


@pytest.mark.parametrize("wrong", [{"form": "js"}, {"mixture": "max"}, {"gradients": "none"}])
def test_wrong_options_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=str(*wrong.values())):
        distribution_matching(outputs(2), DU, **wrong)


def test_matching_under_autocast_and_any_batch_shape() -> None:
    x = outputs(12, dtype=torch.float32)
    expected = distribution_matching(x, DU)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(distribution_matching(x, DU), expected)
    clips = x.map(lambda x: x.reshape(3, 4, *x.shape[1:]))
    assert distribution_matching(clips, DU).item() == pytest.approx(expected.item())


SOFT = ("printed", "soft_target")
every_soft_form = pytest.mark.parametrize("form", SOFT)


@every_soft_form
@pytest.mark.parametrize("temperature", [1.0, 0.2])
@pytest.mark.parametrize("observational", ["weight", "one"])
def test_soft_reference(form: str, temperature: float, observational: str) -> None:
    x, a = outputs(20), labels(20)
    p = x.expression.detach().numpy()
    y, w = a.action_units.numpy(), a.action_units_weight.numpy()
    values, sizes = [], []
    for i in range(20):
        known = {n: j for n, j in AU_INDEX.items() if w[i, j] > 0}
        if not known:
            continue
        scores = [1 - max(y[i, j] for j in known.values())]
        for name in EXPRESSIONS[1:]:
            row = {n: r if observational == "weight" else 1.0 for n, r in DU.row(name).items() if n in known}
            below = sum(r * w[i, known[n]] for n, r in row.items())
            above = sum(r * w[i, known[n]] * y[i, known[n]] for n, r in row.items())
            scores.append(above / below if below else 0.0)
        q = np.exp(np.array(scores) / temperature)
        q /= q.sum()
        values.append(-(p[i] * np.log(q)).sum() if form == "printed" else -(q * np.log(p[i])).sum())
        sizes.append(w[i].max())
    expected = np.average(values, weights=sizes)
    value = soft_co_annotation(x, a, DU, form, temperature, observational).item()
    assert value == pytest.approx(expected, rel=1e-6)


@every_soft_form
def test_soft_gradients_reach_the_expression_head_alone(form: str) -> None:
    check_gradients(lambda p, a: soft_co_annotation(p, a, DU, form))
    x = outputs(6)
    e, a, v = gradients(soft_co_annotation(x, labels(6), DU, form), x)
    assert e.abs().sum() > 0
    assert (a == 0).all()
    assert (v == 0).all()


@every_soft_form
def test_soft_reads_nothing_of_weight_0(form: str) -> None:
    x, known = outputs(8), labels(8)
    clean, spoilt = (soft_co_annotation(x, a, DU, form) for a in (known, spoil(known, torch.nan)))
    assert torch.equal(clean, spoilt)
    assert torch.equal(gradients(clean, x)[0], gradients(spoilt, x)[0])
    nothing = soft_co_annotation(x, Annotations.empty(8), DU, form)
    assert nothing == 0
    assert (gradients(nothing, x)[0] == 0).all()


def test_where_each_soft_form_is_lowest() -> None:
    face = Annotations.of(action_units={n: float(n in (6, 12, 25)) for n in AU_NUMBERS})[None].to(torch.float64)
    q = soft_labels(face, DU)[0]
    z = q.log()[None].clone().requires_grad_()
    target = soft_co_annotation(Predictions.of(z), face, DU, "soft_target")
    assert target.item() == pytest.approx(-(q * q.log()).sum().item())
    assert torch.autograd.grad(target, z)[0].abs().max() < 1e-7
    one_hot = (1000 * torch.eye(7, dtype=torch.float64)).unbind()
    printed = [soft_co_annotation(Predictions.of(e[None]), face, DU, "printed").item() for e in one_hot]
    assert int(np.argmin(printed)) == EXPRESSION_INDEX["happiness"]
    assert min(printed) < soft_co_annotation(Predictions.of(q.log()[None]), face, DU, "printed").item()


def test_a_wrong_soft_form_is_named() -> None:
    with pytest.raises(ValueError, match="kl"):
        soft_co_annotation(outputs(2), labels(2), DU, "kl")


def test_a_cold_soft_label_stays_finite() -> None:
    x = outputs(8)
    for form in SOFT:
        value = soft_co_annotation(x, labels(8), DU, form, temperature=1e-3)
        assert value.isfinite()
        assert gradients(value, x)[0].isfinite().all()
