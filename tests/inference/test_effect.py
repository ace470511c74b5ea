"""What a table does to one face: the losses' own values, labels, conflicts in words, formulas that add up."""

import math
import re

import numpy as np
import pytest
import torch

from fbn.inference import Affect, formulas
from fbn.inference.conflicts import conflicts
from fbn.inference.effect import (
    MATCHING_FORMS,
    SOFT_FORMS,
    Settings,
    as_labels,
    compare,
    effect,
    predictions_of,
)
from fbn.losses import distribution_matching, soft_co_annotation
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS
from tests.losses.helpers import outputs

DU = RelatednessTable.named("du2014")
SETTINGS = (
    Settings(),
    Settings(mixture="mean", binary=False, observational="one", temperature=0.3),
    Settings(min_weight=0.6),
)


def face(expression: dict[str, float], units: dict[int, float]) -> Predictions:
    """Shares of expressions (the rest goes to neutral) and AUs (the rest are at 0.05)."""
    e, a = np.zeros(7), np.full(17, 0.05)
    for name, share in expression.items():
        e[EXPRESSION_INDEX[name]] = share
    e[0] += 1 - e.sum()
    for number, value in units.items():
        a[AU_INDEX[number]] = value
    return predictions_of(Affect(e.astype(np.float32), np.zeros(2, np.float32), a.astype(np.float32)))


ODD = face({"happiness": 0.8, "fear": 0.1, "surprise": 0.05}, {25: 0.9, 9: 0.8, 12: 0.1})


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("form", MATCHING_FORMS)
def test_parts_add_up_to_the_loss_and_each_is_the_loss_of_its_unit_alone(settings: Settings, form: str):
    for one in (outputs(3).detach()[i] for i in range(3)):
        found = effect(one, DU, settings=settings)
        how = {"form": form, "mixture": settings.mixture, "binary": settings.binary, "min_weight": settings.min_weight}
        assert found.total(form) == pytest.approx(float(distribution_matching(one, DU, **how)), rel=1e-12)
        for number in (2, 12, 14, 26):
            alone = float(distribution_matching(one, DU.restrict(aus=[number]), **how))
            assert found.matching[form][AU_INDEX[number]] == pytest.approx(alone, rel=1e-9, abs=1e-15)


def test_pull_is_the_way_that_lowers_the_loss():
    for form in MATCHING_FORMS:
        found = effect(ODD, DU)
        moved = Predictions.of(
            ODD.expression_logits, ODD.action_unit_logits + 1e-4 * torch.from_numpy(np.sign(found.pull[form]))
        )
        assert effect(moved, DU).total(form) < found.total(form)
    pull = effect(ODD, DU).pull
    support = effect(ODD, DU).support
    assert (pull["printed"][support] < 0).all()
    assert pull["kl"][AU_INDEX[12]] > 0 > pull["kl"][AU_INDEX[9]]


def test_the_mixture_is_what_the_expressions_imply():
    q = effect(ODD, DU).mixture
    assert q[AU_INDEX[12]] == pytest.approx(0.8, abs=1e-6)
    assert q[AU_INDEX[2]] == pytest.approx(0.15, abs=1e-6)
    assert effect(ODD, DU, settings=Settings(mixture="mean")).mixture[AU_INDEX[2]] == pytest.approx(0.075, abs=1e-6)
    assert q[AU_INDEX[14]] == 0
    assert not effect(ODD, DU).support[AU_INDEX[14]]


@pytest.mark.parametrize("settings", SETTINGS)
def test_soft_co_annotation_is_the_loss_on_the_networks_own_labels(settings: Settings):
    found = effect(ODD, DU, settings=settings)
    labels = as_labels(ODD)
    assert [u.number for u, y in zip(ACTION_UNITS, labels.action_units, strict=True) if y] == [9, 25]
    for form in SOFT_FORMS:
        loss = soft_co_annotation(ODD, labels, DU, form, settings.temperature, settings.observational)
        assert found.soft_loss[form] == pytest.approx(float(loss), rel=1e-12)
    assert found.soft_label.sum() == pytest.approx(1)


def test_given_labels_replace_the_reading_task_by_task():
    some = Annotations.of(action_units={6: 1, 12: 1})
    assert effect(ODD, DU, some).added_expression is None, "AU25 is not annotated"
    whole = {number: float(number in (6, 12, 25)) for number in AU_NUMBERS}
    found = effect(ODD, DU, Annotations.of(action_units=whole))
    assert found.added_expression == ("happiness", 1.0)
    assert found.added_units == ((6, 0.51), (12, 1.0), (25, 1.0))
    assert effect(ODD, DU, Annotations.of(expression="anger")).added_units == (
        (4, 1.0), (7, 1.0), (10, 0.26), (17, 0.52), (23, 0.29), (24, 1.0),
    )  # fmt: skip
    assert found.intensity[EXPRESSION_INDEX["happiness"]] == pytest.approx(1)


def test_conflicts_speak_in_sentences():
    found = {c.subject: c for c in conflicts(ODD, DU)}
    assert set(found) == {"AU12", "AU9"}
    assert (found["AU12"].kind, found["AU12"].description) == ("missing", "happiness 0.80 implies AU12; seen 0.10")
    assert found["AU9"].kind == "unexplained"
    assert (
        found["AU9"].description
        == "AU9 seen 0.80, which happiness 0.80 lacks; the likeliest that has it is disgust 0.00"
    )
    assert found["AU12"].gap == pytest.approx(0.7, abs=1e-6)


def test_two_expressions_imply_one_unit_together():
    (found,) = conflicts(face({"fear": 0.45, "surprise": 0.45}, {1: 0.9, 5: 0.9, 26: 0.7, 2: 0.7}), DU)
    assert found.subject == "AU25"
    assert found.description == "fear 0.45 and surprise 0.45 imply AU25; seen 0.05"


def test_units_all_there_name_an_expression():
    found = conflicts(face({"fear": 0.2}, {6: 0.9, 12: 0.9, 25: 0.9}), DU)
    unnamed = [c for c in found if c.kind == "unnamed"]
    assert [c.description for c in unnamed] == [
        "AU6, AU12 and AU25 all at once say happiness (at least 0.90 each); happiness seen 0.00"
    ]


def test_what_the_table_forgives_is_no_conflict():
    # half of all people show AU6 with happiness: neither its absence nor its presence contradicts
    for value in (0.05, 0.95):
        assert not conflicts(face({"happiness": 0.9}, {6: value, 12: 0.9, 25: 0.9}), DU)
    # AU14 stands in no row
    assert not conflicts(face({"happiness": 0.9}, {12: 0.9, 25: 0.9, 14: 0.9}), DU)
    # close to each other, though on different sides
    assert not conflicts(face({"happiness": 0.6}, {12: 0.4, 25: 0.6}), DU)


def test_an_edit_settles_conflicts_and_brings_others():
    edited = DU.edited("happiness", 12, None).edited("happiness", 9, 0.9).edited("happiness", 20, 1)
    found = compare(ODD, DU, edited)
    assert {c.subject for c in found.settled} == {"AU12", "AU9"}
    assert [c.subject for c in found.new] == ["AU20"]
    difference = found.after.mixture - found.before.mixture
    changed = [u.number for u, d in zip(ACTION_UNITS, difference, strict=True) if abs(d) > 1e-9]
    assert changed == [9, 12, 20]
    same = compare(ODD, DU, DU)
    assert (same.after.mixture == same.before.mixture).all()
    assert not same.new + same.settled


def _evaluated(text: str) -> float:
    """The right-hand side before the value, worked out; names in brackets are remarks."""
    side = re.sub(r"\[[A-Z0-9a-z ]+\]", "", text.split(" = ")[-2])
    side = side.replace("[", "(").replace("]", ")")
    return eval(side, {"ln": math.log, "exp": math.exp, "__builtins__": {}})


@pytest.mark.parametrize("settings", SETTINGS[:2])
@pytest.mark.parametrize("form", MATCHING_FORMS)
def test_formulas_with_numbers_come_to_the_losses_values(settings: Settings, form: str):
    found = effect(face({"fear": 0.4, "surprise": 0.4}, {1: 0.6, 2: 0.3, 25: 0.7}), DU, settings=settings)
    for formula in formulas.written_out(found, 2, "surprise", form, "soft_target"):
        assert _evaluated(formula.text) == pytest.approx(formula.value, rel=0.005, abs=0.012), formula.text
        assert float(formula.text.split(" = ")[-1]) == pytest.approx(formula.value, abs=5.1e-4)
        assert "e-" not in formula.numbers
    assert formulas.matching(found, 2, form).value == found.matching[form][AU_INDEX[2]]


def test_formulas_of_what_the_table_is_silent_on():
    found = effect(ODD, DU)
    assert "stands with no expression" in formulas.matching(found, 14, "kl").text
    assert formulas.mixture(found, 14).value == 0
    assert "2 AUs active" in formulas.intensity(found, "neutral").text


def test_probabilities_go_to_logits_and_back():
    for one in (outputs(4)[i] for i in range(4)):
        (affect,) = Affect.of(
            Predictions.of(*(x[None].detach() for x in (one.expression_logits, one.action_unit_logits)))
        )
        back = predictions_of(affect)
        assert back.expression.numpy() == pytest.approx(affect.expression, abs=1e-6)
        assert back.action_units.numpy() == pytest.approx(affect.action_units, abs=1e-6)
        assert back.valence_arousal is None


def test_one_face_with_both_heads_is_asked_for():
    with pytest.raises(ValueError, match="no action unit head"):
        effect(Predictions.of(torch.zeros(7)), DU)
    with pytest.raises(ValueError, match="expected one face"):
        effect(outputs(2), DU)
    assert effect(outputs(1), DU).expression.shape == (len(EXPRESSIONS),)
