"""The registry: every row is a recipe that can be trained, and differs from the uncoupled one by what it says."""

import hashlib
import json
import re
from dataclasses import fields

import pytest

from fbn.losses.objective import COUPLINGS
from fbn.models.zoo import BODIES
from fbn.resources import shipped
from fbn.studies.folder import SERIES
from fbn.studies.material import TABLES
from fbn.studies.request import BUDGETS
from fbn.studies.rows import GROUPS, ROWS, UNCOUPLED, every_row
from fbn.training import recipe as recipes
from fbn.training.recipe import Recipe

BASE = recipes.read("study")


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_recipe(name: str) -> None:
    row = ROWS[name]
    recipe = row.recipe(BASE, narrow=True)
    # model_copy does not validate
    again = Recipe.model_validate(recipe.model_dump(mode="json"))
    assert again.build_objective().weights == recipe.objective
    assert set(again.build_network().tasks) == set(row.tasks)
    assert row.group in GROUPS
    assert row.table in TABLES
    assert re.fullmatch(r"[\w.-]+", name)
    if row.coupled:
        assert ROWS[row.against].adds == {}
        assert ROWS[row.against].network == row.network


def test_the_uncoupled_row_has_the_task_losses_alone() -> None:
    recipe = ROWS[UNCOUPLED].recipe(BASE, narrow=True)
    assert {term for term, weight in recipe.objective.items() if weight} == {
        "expression",
        "action_units",
        "valence_arousal",
        "valence_arousal_mse",
    }


def test_single_task_rows_have_their_own_losses_alone() -> None:
    terms = {name: set(ROWS[name].recipe(BASE, narrow=True).objective) for name in ROWS if name.startswith("single-")}
    assert terms == {
        "single-expression": {"expression"},
        "single-au": {"action_units"},
        "single-va": {"valence_arousal", "valence_arousal_mse"},
    }


def test_both_couplings_are_the_single_ones_together() -> None:
    assert ROWS["both"].adds == {**ROWS["soft"].adds, **ROWS["match"].adds}
    assert ROWS["all"].adds == {**ROWS["both"].adds, **ROWS["co"].adds}


def test_architectures_are_as_published_on_the_full_budget() -> None:
    row = ROWS["resnet-50-both"]
    small, whole = (row.recipe(BASE, narrow=narrow).build_network() for narrow in (True, False))
    count = [sum(weight.numel() for weight in network.parameters()) for network in (small, whole)]
    # torchvision's ResNet-50 without its classifier has 23,508,032 weights
    assert count[1] == 23_508_032 + 2048 * 26 + 26
    assert count[0] < count[1] / 10


def test_no_row_changes_what_all_share() -> None:
    for row in ROWS.values():
        own = {"name", "objective", "forms", "network", "network_args", *row.changes, *row.narrow}
        assert set(row.changes) <= {"sides", "learning_rate"}
        assert set(row.narrow) <= {"network_args", "warmup"}
        recipe = row.recipe(BASE, narrow=True)
        assert row.network or not (row.changes or row.narrow or row.share != 1)
        other = ROWS[row.against] if row.coupled else row
        assert (row.changes, row.narrow, row.share) == (other.changes, other.narrow, other.share)
        assert all(getattr(recipe, field) == getattr(BASE, field) for field in Recipe.model_fields if field not in own)


def test_rows_their_networks_and_amounts_are_those_of_the_series() -> None:
    # new rows are none of a series before; those of the shipped studies are in it
    studies = [shipped(f"assets/studies/affect/{name}/study.json") for name in ("real", "architectures-180")]
    rows = [ROWS[row] for study in studies for row in json.loads(study.read_text())["rows"]]
    about = [f.name for f in fields(rows[0]) if f.name not in ("group", "words")]
    built = {repr((r.network, r.network_args)): r for row in rows for r in (row.recipe(BASE, narrow=True),)}
    shapes = [{k: tuple(v.shape) for k, v in r.build_network().state_dict().items()} for r in built.values()]
    parts = [BASE, BUDGETS, *([getattr(row, name) for name in about] for row in rows), *shapes]
    found = hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]
    why = "rows, amounts, recipe or networks differ: if runs come out otherwise, raise SERIES; then note this here"
    assert (SERIES, found) == (4, "705d1cc8324de51b"), why


def test_whatever_is_registered_has_its_rows() -> None:
    assert {term for row in ROWS.values() for term in row.adds} == set(COUPLINGS)
    assert {row.table for row in ROWS.values()} == set(TABLES)
    assert {row.network for row in ROWS.values()} == {None, *BODIES}


def test_a_new_loss_table_or_architecture_needs_no_line_beside_its_registrys() -> None:
    found = every_row([*COUPLINGS, "new_loss"], [*TABLES, "mine"], [*BODIES, "ViT-tiny"])
    new = {name: row for name, row in found.items() if name not in ROWS}
    assert set(new) == {"new-loss", "both.mine", "ViT-tiny-none", "ViT-tiny-both"}
    assert [name for name in found if name in ROWS] == list(ROWS)
    assert [GROUPS.index(row.group) for row in found.values()] == sorted(GROUPS.index(r.group) for r in found.values())
    assert set(new["new-loss"].adds) == {"new_loss"}
    assert (new["both.mine"].adds, new["both.mine"].table) == (ROWS["both"].adds, "mine")
    assert new["ViT-tiny-both"].against == "ViT-tiny-none"
    assert new["ViT-tiny-both"].recipe(BASE, narrow=True).network == "ViT-tiny"
    assert new["ViT-tiny-none"].few


def test_a_new_row_does_not_take_anothers_name() -> None:
    with pytest.raises(ValueError, match="would be named soft-target"):
        every_row([*COUPLINGS, "soft_target"], TABLES, BODIES)
