"""Case study II by the same functions: NumPy references of identities and attributes (A 3.2, eq. 16 to 18)."""

import numpy as np
import pytest
import torch

from fbn.labelling import co_annotations, soft_labels
from fbn.losses import binary_cross_entropy, cross_entropy, distribution_matching, soft_co_annotation
from fbn.losses.coupling import MatchingForm
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import Provenance, RelatednessTable
from fbn.tasks import ACTION_UNITS, ATTRIBUTES, EXPRESSION, Task, identity

FORMS: tuple[MatchingForm, ...] = ("kl", "printed", "cross_entropy", "soft_target")
WHO = identity(("Ann", "Bob", "Cy", "Di"))
SIX = ATTRIBUTES.only(*ATTRIBUTES.labels[:6])


def _logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def _one_hot(numbers: list[int]) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(numbers), len(WHO)).double()


def _table(columns: Task = SIX) -> RelatednessTable:
    r = torch.rand(len(WHO), len(columns), generator=torch.Generator().manual_seed(3)).tolist()
    cells = {name: dict(zip(columns.labels, row, strict=True)) for name, row in zip(WHO.labels, r, strict=True)}
    return RelatednessTable.of(cells, Provenance("drawn"), rows=WHO, columns=columns)


def test_an_inferred_table_is_the_share_of_an_identitys_images() -> None:
    two = ATTRIBUTES.only("Bald", "Smiling")
    attributes = torch.tensor([[1.0, 0], [1, 1], [0, 0], [0, 1], [1, 1]])
    weight = torch.ones(5, 2)
    weight[4] = 0
    labels = Annotations({WHO: Label(_one_hot([0, 0, 0, 2, 2]), torch.ones(5)), two: Label(attributes, weight)})
    table = RelatednessTable.infer(labels, 0, rows=WHO, columns=two)
    assert table.categories == WHO.labels
    assert table.row("Ann") == {"Bald": 2 / 3, "Smiling": 1 / 3}
    torch.testing.assert_close(table.matrix(), torch.tensor([[2 / 3, 1 / 3], [0, 0], [0, 1], [0, 0]]))
    assert RelatednessTable.from_json(table.to_json()) == table


def test_identity_reference_and_weights() -> None:
    z, weight = _logits(4, 4), torch.tensor([1.0, 2.0, 0.5, 0.0])
    labels = Annotations({WHO: Label(_one_hot([0, 3, 2, 1]), weight)})
    p = np.exp(z.detach().numpy())
    p /= p.sum(1, keepdims=True)
    expected = -(1 * np.log(p[0, 0]) + 2 * np.log(p[1, 3]) + 0.5 * np.log(p[2, 2])) / 3.5
    value = cross_entropy(Predictions({WHO: z}), labels, WHO)
    assert value.item() == pytest.approx(expected, rel=1e-12)
    (gradient,) = torch.autograd.grad(value, z)
    assert (gradient[3] == 0).all()


def test_attributes_are_summed() -> None:
    z = _logits(3, 40)
    y = (_logits(3, 40, seed=1) > 0).double()
    weight = torch.ones(3, 40)
    weight[2] = 0
    p = 1 / (1 + np.exp(-z.detach().numpy()))
    bce = -(y.numpy() * np.log(p) + (1 - y.numpy()) * np.log(1 - p))
    y[2] = float("nan")
    said, labels = Predictions({ATTRIBUTES: z}), Annotations({ATTRIBUTES: Label(y, weight)})
    value = binary_cross_entropy(said, labels, ATTRIBUTES, reduction="sum")
    assert value.item() == pytest.approx(bce[:2].sum() / 2, rel=1e-12)
    assert binary_cross_entropy(said, labels.only(), ATTRIBUTES, reduction="sum").item() == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("columns", [SIX, ATTRIBUTES])
def test_matching_reference(form: MatchingForm, columns: Task) -> None:
    table = _table(columns)
    who, attributes = _logits(3, 4), _logits(3, len(columns), seed=2)
    e = np.exp(who.detach().numpy())
    q = np.clip(e / e.sum(1, keepdims=True) @ table.matrix(columns=columns).double().numpy(), 1e-3, 1 - 1e-3)
    p = 1 / (1 + np.exp(-attributes.detach().numpy()))
    expected = {
        "kl": p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)),
        "printed": -p * np.log(q),
        "cross_entropy": -p * np.log(q) - (1 - p) * np.log(1 - q),
        "soft_target": -q * np.log(p) - (1 - q) * np.log(1 - p),
    }[form]
    said = Predictions({WHO: who, columns: attributes})
    value = distribution_matching(said, table, form, binary=False)
    assert value.item() == pytest.approx(expected.sum(1).mean(), rel=1e-12)

    def both(i: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return distribution_matching(Predictions({WHO: i, columns: a}), table, form, binary=False, gradients="both")

    assert torch.autograd.gradcheck(both, (who, attributes))


def test_many_identities_are_mixed_alike() -> None:
    crowd = identity(f"person {i}" for i in range(200))
    r = torch.rand(200, 6, generator=torch.Generator().manual_seed(3))
    cells = {name: dict(zip(SIX.labels, row, strict=True)) for name, row in zip(crowd.labels, r.tolist(), strict=True)}
    table = RelatednessTable.of(cells, Provenance("drawn"), rows=crowd, columns=SIX)
    said = Predictions({crowd: _logits(5, 200), SIX: _logits(5, 6, seed=2)})
    q = said.probability(crowd).detach() @ r.double()
    expected = -(said.probability(SIX) * q.log()).sum(-1).mean()
    assert distribution_matching(said, table, "printed", binary=False).item() == pytest.approx(expected.item())
    with torch.autocast("cpu", torch.bfloat16):
        assert distribution_matching(said, table, "printed", binary=False).item() == pytest.approx(expected.item())


def test_matching_is_0_where_attributes_follow_their_identity() -> None:
    table = _table()
    sure = torch.tensor([[60.0, 0, 0, 0]], dtype=torch.float64)
    said = Predictions({WHO: sure, SIX: table.matrix(columns=SIX).double()[:1].logit()})
    assert distribution_matching(said, table, binary=False).item() == pytest.approx(0, abs=1e-12)


def test_labels_are_added_by_such_a_table_too() -> None:
    cells = {"Ann": {"Bald": 1.0, "Smiling": 0.5}, "Bob": {"Smiling": 1.0}, "Cy": {}, "Di": {}}
    two = ATTRIBUTES.only("Bald", "Smiling")
    table = RelatednessTable.of(cells, Provenance("typed"), rows=WHO, columns=two)
    known = Annotations({WHO: Label(_one_hot([0]), torch.ones(1)), two: Label(torch.zeros(1, 2), torch.zeros(1, 2))})
    assert co_annotations(known, table)[two].weight.tolist() == [[1, 0.5]]
    seen = Annotations(
        {WHO: Label(_one_hot([3]), torch.zeros(1)), two: Label(torch.ones(1, 2).double(), torch.ones(1, 2).double())}
    )
    assert co_annotations(seen, table)[WHO].value.argmax().item() == 0
    q = soft_labels(seen, table)
    assert q[0, :2].tolist() == [q.max().item()] * 2
    value = soft_co_annotation(Predictions({WHO: _logits(1, 4)}), seen, table)
    assert value.item() > 0


@pytest.mark.parametrize("binary", [True, False])
def test_fewer_action_units_are_coupled_by_those(binary: bool) -> None:
    table, two = RelatednessTable.named("du2014"), ACTION_UNITS.only("AU12", "AU25")
    whole = Predictions({EXPRESSION: _logits(4, 7), ACTION_UNITS: _logits(4, 17, seed=1)})
    part = Predictions({EXPRESSION: whole[EXPRESSION], two: whole[two]})
    expected = distribution_matching(whole, table.restrict(aus=[12, 25]), binary=binary)
    assert distribution_matching(part, table, binary=binary).item() == pytest.approx(expected.item())
