"""The arms of the study affect: each can be trained, and differs from the uncoupled one by what it says."""

import hashlib
import json
import re

import pytest

from fbn.losses import COUPLINGS
from fbn.models.zoo import BODIES
from fbn.resources import shipped
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS, GROUPS, UNCOUPLED, every_arm
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.folder import SERIES
from fbn.studies.material import TABLES
from fbn.tasks import AFFECT_TASKS
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe

BASE = recipes.read("study")
#: On two cores, and whole.
NARROW, WHOLE = AffectRequest(), AffectRequest(budget="full")


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_is_a_recipe(name: str) -> None:
    arm = ARMS[name]
    recipe = NARROW.recipe_of(arm)
    # model_copy does not validate
    again = Recipe.model_validate(recipe.model_dump(mode="json"))
    assert again.build_objective().terms == recipe.objective
    assert set(again.build_network().tasks) == set(arm.changes.get("tasks", AFFECT_TASKS))
    assert arm.group in GROUPS
    assert arm.changes.get("table", "du2014") in TABLES
    assert re.fullmatch(r"[\w.-]+", name)
    assert bool(arm.terms) == bool(arm.baseline)
    if arm.baseline:
        assert ARMS[arm.baseline].terms == {}
        assert ARMS[arm.baseline].changes.get("network") == arm.changes.get("network")


def test_the_uncoupled_arm_has_the_task_losses_alone() -> None:
    recipe = NARROW.recipe_of(ARMS[UNCOUPLED])
    assert {term for term, weight in recipe.weights.items() if weight} == {
        "expression",
        "action_units",
        "valence_arousal",
        "valence_arousal_mse",
    }


def test_single_task_arms_have_their_own_losses_alone() -> None:
    terms = {name: set(NARROW.recipe_of(ARMS[name]).objective) for name in ARMS if name.startswith("single-")}
    assert terms == {
        "single-expression": {"expression"},
        "single-au": {"action_units"},
        "single-va": {"valence_arousal", "valence_arousal_mse"},
    }


def test_both_couplings_are_the_single_ones_together() -> None:
    assert ARMS["both"].terms == {**ARMS["soft"].terms, **ARMS["match"].terms}
    assert ARMS["all"].terms == {**ARMS["both"].terms, **ARMS["co"].terms}


def test_architectures_are_as_published_on_the_full_budget() -> None:
    arm = ARMS["resnet-50-both"]
    small, whole = (request.recipe_of(arm).build_network() for request in (NARROW, WHOLE))
    count = [sum(weight.numel() for weight in network.parameters()) for network in (small, whole)]
    # torchvision's ResNet-50 without its classifier has 23,508,032 weights
    assert count[1] == 23_508_032 + 2048 * 26 + 26
    assert count[0] < count[1] / 10


def test_no_arm_changes_what_all_share() -> None:
    shared = ("learning_rate", "sides", "narrow", "share", "network", "network_args")
    for arm in ARMS.values():
        narrow = arm.changes.get("narrow", {})
        own = {"name", "objective", "table", *arm.changes, *narrow}
        assert set(arm.changes) <= {"objective", "table", "tasks", "after", *shared}
        assert set(narrow) <= {"network_args", "warmup"}
        recipe = NARROW.recipe_of(arm)
        assert arm.slow or not {"learning_rate", "sides", "narrow", "share"} & set(arm.changes)
        other = ARMS[arm.baseline] if arm.baseline else arm
        assert [arm.changes.get(key) for key in shared] == [other.changes.get(key) for key in shared]
        assert all(getattr(recipe, field) == getattr(BASE, field) for field in Recipe.model_fields if field not in own)


def test_arms_their_networks_and_amounts_are_those_of_the_series() -> None:
    # new arms are none of a series before; those of the shipped studies are in it
    studies = [shipped(f"assets/studies/affect/{name}/study.json") for name in ("real", "architectures-180")]
    arms = [ARMS[name] for study in studies for name in json.loads(study.read_text())["rows"]]
    recipes_of = [NARROW.recipe_of(arm) for arm in arms]
    built = {repr((r.network, r.network_args)): r for r in recipes_of}
    shapes = [{k: tuple(v.shape) for k, v in r.build_network().state_dict().items()} for r in built.values()]
    about = [(a.name, a.baseline, a.reference, a.part_of, a.slow, a.changes.get("table")) for a in arms]
    streams = [(a.changes.get("share"), a.changes.get("after"), a.terms) for a in arms]
    parts = [BUDGETS, *about, *streams, *recipes_of, *shapes]
    found = hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]
    why = "arms, amounts, recipe or networks differ: if runs come out otherwise, raise SERIES; then note this here"
    assert (SERIES, found) == (5, "21c456f788cb9631"), why


def test_whatever_is_registered_has_its_arms() -> None:
    assert {term for arm in ARMS.values() for term in arm.terms} == set(COUPLINGS)
    assert {arm.changes["table"] for arm in ARMS.values() if arm.terms} == set(TABLES)
    assert {arm.changes["network"] for arm in ARMS.values() if arm.slow} == set(BODIES)


def test_a_new_loss_table_or_architecture_needs_no_line_beside_its_registrys() -> None:
    found = every_arm([*COUPLINGS, "new_loss"], [*TABLES, "mine"], [*BODIES, "ViT-tiny"])
    new = {name: arm for name, arm in found.items() if name not in ARMS}
    assert set(new) == {"new-loss", "both.mine", "ViT-tiny-none", "ViT-tiny-both"}
    assert [name for name in found if name in ARMS] == list(ARMS)
    assert [GROUPS.index(arm.group) for arm in found.values()] == sorted(GROUPS.index(a.group) for a in found.values())
    assert set(new["new-loss"].terms) == {"new_loss"}
    assert (new["both.mine"].terms, new["both.mine"].changes["table"]) == (ARMS["both"].terms, "mine")
    assert new["ViT-tiny-both"].baseline == "ViT-tiny-none"
    assert new["ViT-tiny-both"].changes["network"] == "ViT-tiny"
    assert new["ViT-tiny-none"].slow


def test_a_new_arm_does_not_take_anothers_name() -> None:
    with pytest.raises(ValueError, match="would be named soft-target"):
        every_arm([*COUPLINGS, "soft_target"], TABLES, BODIES)
