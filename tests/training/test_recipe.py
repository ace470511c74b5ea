"""Recipes: every shipped one parses and builds; mistakes are named."""

from pathlib import Path

import pytest

from fbn.errors import FormatError, MissingFileError
from fbn.training import recipe as recipes


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes_build(name: str) -> None:
    recipe = recipes.read(name)
    assert recipe.name == name
    recipe.build_objective()
    recipe.build_network()


def test_a_recipe_lists_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("epochs: 3\nobjective: {distribution_matching: 0}\nlabel_weights: {affectnet: {expression: 0.5}}\n")
    recipe = recipes.read(path, ["learning_rate=0.01", "objective.co_annotation=0.2", "per_step.affectnet=0"])
    default = recipes.Recipe()
    assert recipe.name == "mine"
    assert (recipe.epochs, recipe.learning_rate) == (3, 0.01)
    assert recipe.weights == default.weights | {"distribution_matching": 0, "co_annotation": 0.2}
    assert recipe.objective["soft_co_annotation"] == default.objective["soft_co_annotation"]
    assert recipe.label_weights == {"affectnet": {"expression": 0.5}}
    assert recipe.sets == ("ferplus", "ckplus")
    assert recipe.augmentation == default.augmentation


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs=many", "epochs: Input should be a valid integer"),
        ("epoch=3", "epoch: Extra inputs are not permitted"),
        ("augmentation.gray=2", "augmentation.gray: Input should be less than or equal to 1"),
        ("augmentation.sepia=1", "augmentation.sepia: Extra inputs"),
        ("per_step.fer=10", "per_step.fer: Input should be 'ferplus'"),
        ("label_weights.ckplus.identity=1", "label_weights.ckplus.identity: expected one of action_units"),
        (
            "objective.soft_co_annotation.form=kl",
            "soft_co_annotation: form: Input should be 'printed' or 'soft_target'",
        ),
        ("objective.expression.sharpness=1", "expression: sharpness: Extra inputs are not permitted"),
        ("objective.expression.task=action_units", "task action_units is binary: expected a categorical task"),
        ("forms.sharpness=1", "forms.sharpness: expected one of"),
        ("objective.distillation=1", "objective.distillation: needs a teacher"),
        ("per_step={ferplus: 0, affectnet: 0, ckplus: 0}", "per_step: expected at least one data set"),
        ("network=vgg", "network: Input should be 'facebehaviornet'"),
        ("epochs", "expected key=value"),
        ("epochs=[", "expected YAML"),
        ("epochs.few=1", "epochs"),
    ],
)
def test_mistakes_are_named(change: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("epochs: 3\n")
    with pytest.raises(FormatError) as raised:
        recipes.read(path, [change])
    assert message in str(raised.value)


def test_a_recipe_weighs_labels_of_any_task_it_names() -> None:
    gaze = {"name": "gaze", "kind": "continuous", "labels": ["yaw", "pitch"]}
    recipe = recipes.parse({"objective": {"gaze": {"task": gaze}}, "label_weights": {"ckplus": {"gaze": 0.5}}}, "mine")
    assert recipes.parse(recipe.model_dump(mode="json"), "again") == recipe


def test_options_of_earlier_recipes_are_read() -> None:
    """Before 0.8 they lay in ``forms``; a term that the recipe does not have is not added."""
    forms = {"matching_form": "printed", "soft_form": "soft_target", "temperature": 2.0, "observational": "one"}
    recipe = recipes.parse({"objective": {"distribution_matching": 0.5}, "forms": forms}, "old")
    default = recipes.Recipe()
    assert set(recipe.objective) == set(default.objective)
    matching, soft = recipe.objective["distribution_matching"], recipe.objective["soft_co_annotation"]
    assert matching.model_dump() == default.objective["distribution_matching"].model_dump() | {
        "weight": 0.5,
        "form": "printed",
    }
    assert (soft.form, soft.temperature, soft.observational) == ("soft_target", 0.3, "one")
    assert recipes.parse(recipe.model_dump(mode="json"), "again") == recipe
    with pytest.raises(FormatError, match=r"forms\.sharpness: expected one of"):
        recipes.parse({"forms": {"sharpness": 1}}, "old")


def test_unknown_terms_and_tables_are_named() -> None:
    with pytest.raises(FormatError, match="unknown loss term 'kissing'"):
        recipes.parse({"objective": {"kissing": 1}}, "x")
    with pytest.raises((FormatError, MissingFileError), match="no_such_table"):
        recipes.parse({"table": "no_such_table.json"}, "x").build_objective()


def test_a_recipe_in_another_encoding_is_read_or_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes("seed: 3\n".encode("utf-16"))
    assert recipes.read(tmp_path / "mine.yaml").seed == 3
    (tmp_path / "mine.yaml").write_bytes("seed: 3\n# für uns\n".encode("latin-1"))
    with pytest.raises(FormatError, match=r"mine\.yaml: line 2: expected UTF-8 text"):
        recipes.read(tmp_path / "mine.yaml")


def test_what_is_not_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="expected a YAML file or one of"):
        recipes.read("nothing")
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    with pytest.raises(FormatError, match="expected fields and their values"):
        recipes.read(path)
