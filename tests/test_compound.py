"""The zero-shot score of compound expressions: by hand, by its properties, and what it refuses to name."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn import compound
from fbn.compound import CompoundClasses, none_of_these, probabilities, terms
from fbn.errors import FormatError, MissingFileError
from fbn.records import Predictions
from fbn.relatedness import Provenance, RelatednessTable, Versions
from fbn.tasks import AFFECT_TASKS
from fbn.vocabulary import (
    AU_INDEX,
    AU_NUMBERS,
    CLASSES_EMOTIONET,
    COMPOUND_EXPRESSIONS,
    COMPOUND_RAFDB,
    EXPRESSION_INDEX,
    EXPRESSIONS,
    Expression,
)

DU = RelatednessTable.named("du2014")
RAFDB = CompoundClasses.named("rafdb")
seeds = given(seed=st.integers(0, 10**6))
quick = settings(max_examples=15)


def face(expressions: dict[str, float], units: dict[int, float], valence: float, others: float = 0.05) -> Predictions:
    """Predictions of one face by its probabilities; what is not named: a share of the rest, and ``others``."""
    rest = (1 - sum(expressions.values())) / (len(EXPRESSIONS) - len(expressions))
    p = torch.tensor([expressions.get(e, rest) for e in EXPRESSIONS], dtype=torch.float64)
    a = torch.tensor([units.get(number, others) for number in AU_NUMBERS], dtype=torch.float64)
    return Predictions.of(p.log(), a.logit(), torch.tensor([valence, 0.0], dtype=torch.float64))


def random(seed: int, *batch: int) -> Predictions:
    g = torch.Generator().manual_seed(seed)
    sizes = (len(EXPRESSIONS), len(AU_NUMBERS), 2)
    return Predictions.of(*(2 * torch.randn(*batch, size, generator=g, dtype=torch.float64) for size in sizes))


def named(values: torch.Tensor, classes: CompoundClasses = RAFDB) -> dict[str, float]:
    return dict(zip(classes.classes, values.tolist(), strict=True))


UNITS = {1: 0.8, 2: 0.6, 5: 0.5, 12: 0.9, 25: 0.7, 26: 0.4}
FACE = face({"happiness": 0.5, "surprise": 0.3, "fear": 0.08}, UNITS, 0.2, others=0.1)


def test_by_hand() -> None:
    said = terms(FACE, RAFDB)
    units, expressions, valence, total = (
        named(v) for v in (said.action_units, said.expressions, said.valence, said.total)
    )
    # Du 2014: AU1 1, 2 1, 5 .64, 12 1, 25 1, 26 .67
    expected = (0.8 + 0.6 + 0.64 * 0.5 + 0.9 + 0.7 + 0.67 * 0.4) / 5.31
    assert units["happily surprised"] == pytest.approx(expected, rel=1e-6)
    assert units["happily surprised"] == pytest.approx(3.588 / 5.31, rel=1e-6)
    assert expressions["happily surprised"] == pytest.approx(0.8)
    assert total["happily surprised"] == pytest.approx(3.588 / 5.31 + 0.8 + 1, rel=1e-6)
    # 1 1, 2 .46, 4 1, 5 .24, 6 .34, 15 .3, 20 1, 25 1; the four expressions not named share .12
    expected = (0.8 + 0.46 * 0.6 + 0.1 + 0.24 * 0.5 + 0.34 * 0.1 + 0.3 * 0.1 + 0.1 + 0.7) / 5.34
    assert units["sadly fearful"] == pytest.approx(expected, rel=1e-6)
    assert total["sadly fearful"] == pytest.approx(expected + 0.08 + 0.03, rel=1e-6)
    # all its AUs are at .1, and AU11, which no network predicts, is in neither sum
    assert units["sadly angry"] == pytest.approx(0.1, rel=1e-6)
    assert {name for name, value in valence.items() if value} == {"happily surprised", "happily disgusted"}


@quick
@seeds
def test_against_numpy(seed: int) -> None:
    classes = CompoundClasses.named("emotionet")
    said = random(seed, 4)
    logits = said.expression_logits.numpy()
    p_e = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    p_a = 1 / (1 + np.exp(-said.action_unit_logits.numpy()))
    for i, v in enumerate(said.valence_arousal[:, 0].tolist()):
        for c, name in enumerate(CLASSES_EMOTIONET):
            row = {number: w for number, w in DU.row(name).items() if number != 11}
            first = sum(w * p_a[i, AU_INDEX[number]] for number, w in row.items()) / sum(row.values())
            own = COMPOUND_EXPRESSIONS.get(name)
            parts = (own.first, own.second) if own else (name,)
            second = sum(p_e[i, EXPRESSION_INDEX[part]] for part in parts)
            third = float(v > 0 and name in ("happily surprised", "happily disgusted", "happiness"))
            found = terms(said, classes)
            assert found.action_units[i, c].item() == pytest.approx(first, rel=1e-6)
            assert found.expressions[i, c].item() == pytest.approx(second, rel=1e-12)
            assert found.valence[i, c].item() == third
            assert found.total[i, c].item() == pytest.approx(first + second + third, rel=1e-6)


@pytest.mark.parametrize(
    ("valence", "papers_a", "papers_c"),
    [(0.0, 0, 0.5), (-0.0, 0, 0.5), (1e-30, 1, 1), (-1e-30, 0, 0), (0.7, 1, 1), (-0.7, 0, 0)],
)
def test_third_term_at_and_beside_zero(valence: float, papers_a: float, papers_c: float) -> None:
    said = face({"happiness": 0.6}, {12: 0.9}, valence)
    for form, expected in (("positive", papers_a), ("sign", papers_c)):
        found = named(terms(said, RAFDB, form).valence)
        assert found.pop("happily surprised") == found.pop("happily disgusted") == expected
        assert not any(found.values())


@quick
@seeds
def test_each_picture_and_class_alone(seed: int) -> None:
    said = random(seed, 2, 3)
    whole = terms(said, RAFDB).total
    assert whole.shape == (2, 3, 11)
    assert (whole >= 0).all()
    assert (whole <= 3).all()
    torch.testing.assert_close(terms(said[1, 2], RAFDB).total, whole[1, 2], rtol=1e-12, atol=0)
    order = np.random.default_rng(seed).permutation(11)[:5]
    some = CompoundClasses.of([COMPOUND_RAFDB[i] for i in order], DU)
    torch.testing.assert_close(terms(said, some).total, whole[..., order], rtol=1e-12, atol=0)


@quick
@seeds
def test_probabilities(seed: int) -> None:
    total = terms(random(seed, 3), RAFDB).total
    for temperature in (0.05, 1.0, 20.0):
        p = probabilities(total, temperature)
        torch.testing.assert_close(p.sum(-1), torch.ones(3, dtype=torch.float64))
        assert (p.argmax(-1) == total.argmax(-1)).all()
    gap = (total[0, 0] - total[0, 1]).item()
    p = probabilities(total, 0.5)[0]
    assert (p[0] / p[1]).item() == pytest.approx(math.exp(gap / 0.5))


def test_gradients() -> None:
    said = random(3, 2)
    heads = [v.requires_grad_() for v in (said.expression_logits, said.action_unit_logits)]
    classes = CompoundClasses.of([*COMPOUND_RAFDB[:3], "neutral", "kitten"], DU)

    def score(*logits: torch.Tensor) -> torch.Tensor:
        return terms(Predictions.of(*logits, said.valence_arousal), classes).total

    assert torch.autograd.gradcheck(score, heads)
    said.valence_arousal.requires_grad_()
    assert not terms(said, RAFDB).valence.requires_grad  # a step: nothing is learnt through it


def test_autocast_does_not_round_the_score() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        said = terms(FACE.to(torch.float32), RAFDB)
    torch.testing.assert_close(said.total, terms(FACE, RAFDB).total.float(), rtol=1e-5, atol=1e-6)


def test_missing_heads_are_named() -> None:
    for lacking in AFFECT_TASKS:
        with pytest.raises(FormatError, match="compound expressions need"):
            terms(FACE.only(*(task for task in AFFECT_TASKS if task != lacking)), RAFDB)


# --- what there is to choose among


def test_sets() -> None:
    sizes = {name: len(CompoundClasses.named(name).classes) for name in ("rafdb", "emotionet", "du2014")}
    assert sizes == {"rafdb": 11, "emotionet": 16, "du2014": 15}
    emotionet = CompoundClasses.named("emotionet")
    assert emotionet.classes == CLASSES_EMOTIONET
    assert emotionet.parts[0] == (Expression.HAPPINESS,)
    assert emotionet.parts[emotionet.classes.index("awed")] == (Expression.SURPRISE, Expression.FEAR)
    for name in sizes:
        classes = CompoundClasses.named(name)
        assert all(classes.known)
        assert all(any(row) for row in classes.rows)
        assert CompoundClasses.from_dict(json.loads(json.dumps(classes.to_dict()))) == classes


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("happily_surprised", "happily surprised"),
        ("03 HappilySurprised", "happily surprised"),
        ("SURPRISEDLY-happy", "happily surprised"),
        ("surprise happiness", "happily surprised"),
        ("fearfully sad", "sadly fearful"),
        ("disgustedly angry", "angrily disgusted"),
        ("Appalled", "appalled"),
        ("Happy", "happiness"),
        ("sadness", "sadness"),
    ],
)
def test_a_folders_names_are_understood(name: str, meant: str) -> None:
    found, expected = CompoundClasses.of([name], DU), CompoundClasses.of([meant], DU)
    assert found.classes == (name,)
    assert any(expected.rows[0])
    assert (found.rows, found.positive, set(found.parts[0])) == (
        expected.rows,
        expected.positive,
        set(expected.parts[0]),
    )


@pytest.mark.parametrize(
    "name", ["kitten", "", "7", "happily happy", "neutral sad", "sadly fearfully angry", "unhappy"]
)
def test_other_names_are_not_known(name: str) -> None:
    classes = CompoundClasses.of([name, "awed"], DU)
    assert classes.known == (False, True)
    assert classes.parts[0] == ()
    assert not any(classes.rows[0])


def test_what_is_not_known_is_neither_favoured_nor_barred() -> None:
    said = random(5, 6)
    total = terms(said, CompoundClasses.of([*COMPOUND_RAFDB, "kitten"], DU)).total
    whole = terms(said, RAFDB).total
    torch.testing.assert_close(total[..., :11], whole, rtol=1e-12, atol=0)
    torch.testing.assert_close(total[..., 11], whole.mean(-1))
    assert not terms(said, CompoundClasses.of(["kitten", "puppy"], DU)).total.any()


def test_a_row_without_weights_gets_the_mean_of_the_first_term_alone() -> None:
    table = DU
    for number in DU.row("awed"):
        table = table.edited("awed", number, None)
    classes = CompoundClasses.of(["awed", "happily sad", "happily surprised", "sadly angry"], table)
    assert classes.known == (True, True, True, True)
    found = terms(FACE, classes)
    assert found.total.isfinite().all()
    mean = found.action_units[2:].mean().item()
    assert found.action_units[:2].tolist() == pytest.approx([mean, mean])
    assert named(found.expressions, classes) == pytest.approx(
        {"awed": 0.38, "happily sad": 0.53, "happily surprised": 0.8, "sadly angry": 0.06}
    )
    assert found.valence.tolist() == [0, 0, 1, 0]


def test_basic_classes() -> None:
    classes = CompoundClasses.of(["neutral", "happiness", "anger"], DU)
    found = terms(FACE, classes)
    assert found.action_units[0].item() == pytest.approx(1 - 0.9)
    assert found.action_units[1].item() == pytest.approx((0.51 * 0.1 + 0.9 + 0.7) / 2.51, rel=1e-6)
    assert found.expressions.tolist() == pytest.approx([0.03, 0.5, 0.03])
    assert found.valence.tolist() == [0, 1, 0]


@pytest.mark.parametrize("classes", [[], ["awed", "awed"]])
def test_no_class_and_one_twice_are_refused(classes: list[str]) -> None:
    with pytest.raises(FormatError, match="at least one, and each once"):
        CompoundClasses.of(classes, DU)


@pytest.mark.parametrize("change", [{"rows": [[1.0]]}, {"rows": None}, {"parts": [["joy"]]}, {"positive": []}])
def test_damaged_classes_are_refused(change: dict) -> None:
    with pytest.raises(FormatError, match="expected"):
        CompoundClasses.from_dict(CompoundClasses.of(["awed"], DU).to_dict() | change)


def test_a_users_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    assert compound.names() == ("rafdb", "emotionet", "du2014")
    own = RelatednessTable.of({"awed": {2: 1.0, 26: 0.5}, "fear": {1: 1.0}}, Provenance("test"))
    Versions().save("mine", own, base=0)
    Versions().save("basic", own.restrict(categories=["fear"]), base=0)
    assert compound.names() == ("rafdb", "emotionet", "du2014", "mine")
    classes = CompoundClasses.named("mine")
    assert (classes.name, classes.classes) == ("mine", ("awed",))
    assert classes.rows[0][AU_INDEX[26]] == 0.5
    assert classes.basic[EXPRESSION_INDEX["fear"]][AU_INDEX[1]] == 1
    own.write(tmp_path / "own.csv")
    assert CompoundClasses.named(str(tmp_path / "own.csv")).rows == classes.rows
    with pytest.raises(FormatError, match="basic: expected a table with rows of compound expressions"):
        CompoundClasses.named("basic")
    with pytest.raises(MissingFileError, match="no relatedness table 'nobody'"):
        CompoundClasses.named("nobody")


# --- none of these

HAPPY = face({"happiness": 0.95}, {6: 0.8, 12: 0.95, 25: 0.9, 26: 0.3}, 0.7)
NEUTRAL = face({"neutral": 0.85, "happiness": 0.06}, {}, 0.05)
HAPPILY_SURPRISED = face(
    {"happiness": 0.5, "surprise": 0.45}, {1: 0.9, 2: 0.9, 5: 0.7, 6: 0.3, 12: 0.9, 25: 0.95, 26: 0.8}, 0.4
)


@pytest.mark.parametrize(
    ("set_name", "said", "none"),
    [
        ("rafdb", HAPPY, "happiness"),
        ("rafdb", NEUTRAL, "neutral"),
        ("rafdb", HAPPILY_SURPRISED, None),
        ("emotionet", HAPPY, None),
        ("emotionet", NEUTRAL, "neutral"),
        ("emotionet", HAPPILY_SURPRISED, None),
    ],
)
def test_none_of_these(set_name: str, said: Predictions, none: str | None) -> None:
    classes = CompoundClasses.named(set_name)
    total = terms(said, classes).total
    found = none_of_these(said, classes, total)
    assert found.holds.item() is (none is not None)
    p = probabilities(torch.cat([total, found.total[..., None]], -1))
    assert (p.argmax(-1).item() == len(classes.classes)) is (none is not None)
    if none:
        assert EXPRESSIONS[found.expression] == none
        assert not none_of_these(said, classes, total, margin=3.0).holds
    else:
        best = "happiness" if said is HAPPY else "happily surprised"
        assert classes.classes[total.argmax()] == best


def test_a_slightly_positive_valence_alone_would_name_a_neutral_face_happy() -> None:
    """The trap in eq. 15, and why there is a "none of these"."""
    total = named(terms(NEUTRAL, RAFDB).total)
    assert max(total, key=total.__getitem__).startswith("happily")
    assert total["happily surprised"] > 1 > max(v for name, v in total.items() if not name.startswith("happily"))


def test_the_score_of_none_by_hand() -> None:
    found = none_of_these(NEUTRAL, RAFDB, terms(NEUTRAL, RAFDB).total, margin=0.25)
    assert found.total.item() == pytest.approx((1 - 0.05) + 0.85 - 0.25)
    found = none_of_these(HAPPY, RAFDB, terms(HAPPY, RAFDB).total)
    assert found.total.item() == pytest.approx((0.51 * 0.8 + 0.95 + 0.9) / 2.51 + 0.95 + 1, rel=1e-6)


def test_a_tie_goes_to_the_class() -> None:
    best = none_of_these(NEUTRAL, RAFDB, torch.zeros(11, dtype=torch.float64)).total
    assert not none_of_these(NEUTRAL, RAFDB, best.expand(11)).holds
    assert none_of_these(NEUTRAL, RAFDB, best.expand(11) - 1e-9).holds


@pytest.mark.parametrize("classes", [[e.value for e in EXPRESSIONS], ["kitten", "puppy"]])
def test_nothing_else_to_name(classes: list[str]) -> None:
    """All seven are among the classes, or no class can be scored: there is nothing to compare with."""
    chosen = CompoundClasses.of(classes, DU)
    said = random(0, 4)
    total = terms(said, chosen).total
    found = none_of_these(said, chosen, total)
    assert not found.holds.any()
    p = probabilities(torch.cat([total, found.total[..., None]], -1))
    assert not p[..., -1].any()
    assert p.isfinite().all()


@quick
@seeds
def test_none_of_these_in_batches(seed: int) -> None:
    said = random(seed, 5)
    total = terms(said, RAFDB).total
    found = none_of_these(said, RAFDB, total)
    basic = CompoundClasses.of([e.value for e in EXPRESSIONS], DU)
    scores = terms(said, basic).total
    torch.testing.assert_close(found.total, scores.amax(-1))
    assert (found.expression == scores.argmax(-1)).all()
    assert (found.holds == (scores.amax(-1) > total.amax(-1))).all()
    p = probabilities(torch.cat([total, found.total[..., None]], -1))
    assert ((p.argmax(-1) == 11) == found.holds).all()


def test_none_of_these_are_the_expressions_that_are_not_classes_and_have_a_row() -> None:
    said = random(2, 300)
    emotionet = CompoundClasses.named("emotionet")
    found = none_of_these(said, emotionet, terms(said, emotionet).total)
    assert set(found.expression.tolist()) == {EXPRESSION_INDEX["neutral"]}
    few = CompoundClasses.of(
        ["awed", "Happy"],
        RelatednessTable.of({"awed": {1: 1.0}, "fear": {1: 1.0}, "happiness": {12: 1.0}}, Provenance("test")),
    )
    found = none_of_these(said, few, terms(said, few).total)
    assert set(found.expression.tolist()) == {EXPRESSION_INDEX["neutral"], EXPRESSION_INDEX["fear"]}
