"""What is trained and measured on: labels of one kind a set, coders' AUs, clips, tables, fewer people."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.data.loading import Pool
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.relatedness import RelatednessTable
from fbn.studies import drawn, real
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.drawn import Filmed
from fbn.studies.material import TABLES, StudyData, coded, inferred, only
from fbn.synthetic.clips import draw_clip
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.world import World
from fbn.tasks import AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL
from fbn.vocabulary import ACTION_UNITS_BY_DATASET, AU_INDEX, AU_NUMBERS

DU = RelatednessTable.named("du2014")


@pytest.fixture(scope="module")
def material(drawn_once: Path) -> StudyData:
    # no longer than it is drawn: the open sets' crops are another test's too
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(drawn_once))
        return drawn.draw(AffectRequest(budget="smoke").limits, 7, lambda share, words: None)


def test_every_set_gives_labels_of_one_kind(material: StudyData) -> None:
    labels, pool = material.pool.annotations, material.pool
    kinds = {"affectnet": (1, 0, 0), "emotionet": (0, 1, 0), "bp4d": (0, 1, 0), "affwild2": (0, 0, 1)}
    for name, kind in kinds.items():
        own = labels[torch.from_numpy(pool.of_set(name))]
        weights = (own.expression_weight, own.action_units_weight.amax(-1), own.valence_arousal_weight)
        assert [set(weight.tolist()) for weight in weights] == [{float(k)} for k in kind]
        looked = own.action_units_weight[0].nonzero().flatten().tolist()
        assert looked == [AU_INDEX[number] for number in (ACTION_UNITS_BY_DATASET[name] if kind[1] else ())]
    assert material.labelled == {"expression": 24, "action_units": 12, "valence_arousal": 96}
    assert [len(s.pool) for s in material.of_tasks([VALENCE_AROUSAL, EXPRESSION])] == [24, 96]
    whole, half = (material.of_tasks(AFFECT_TASKS, share) for share in (1.0, 0.5))
    assert [round(s.count / 2) for s in whole] == [s.count for s in half]
    assert all(own.pool is other.pool for own, other in zip(whole, half, strict=True))


def test_what_is_measured_on_is_of_others_and_has_never_trained_sets(material: StudyData) -> None:
    held = {own.name: own for own in material.held_out}
    assert {name for name, own in held.items() if not own.trained_on} == {"disfa", "afew-va", "rafdb"}
    assert {name for name, own in held.items() if own.frames} == {"affwild2", "afew-va"}
    for name in ("affectnet", "affwild2"):
        trained = material.pool.crops[material.pool.names.index(name)]
        own = held[name].pool.crops[0]
        assert not any(np.array_equal(own[0], crop) for crop in trained)
    video = held["affwild2"]
    assert len(video.pool) % video.frames == 0
    assert [len(set(video.groups[i : i + video.frames])) for i in (0, video.frames)] == [1, 1]


def test_a_bootstrap_draws_whole_people(monkeypatch: pytest.MonkeyPatch) -> None:
    def undrawn(world: World, count: int, **_: object) -> Pool:
        labels = Annotations.stack([world.draw(i).annotations for i in range(count)])
        return Pool.of({world.domain.name: (np.zeros((count, 8, 8, 3), np.uint8), labels)})

    monkeypatch.setattr(drawn, "cached_pool", undrawn)
    limits = AffectRequest(budget="smoke").limits.model_copy(update={"held_out": 30, "expression": 20, "clips": 2})
    held = {own.name: own for own in drawn.draw(limits, 7, lambda share, words: None).held_out}
    groups, people = held["disfa"].groups, DOMAINS["disfa"].population.people
    assert len(set(groups.tolist())) == people < 30 == len(groups)
    world = drawn._world(next(which for which in drawn.SETS if which.name == "disfa"), 500_700)
    subjects = np.array([world.draw(i).subject for i in range(30)])
    assert np.array_equal(groups[:, None] == groups, subjects[:, None] == subjects)


def test_each_set_is_measured_as_the_papers_measure_it() -> None:
    # as in A's tables; beside AU F1 the area under the curve, which no threshold moves, and both of AffectNet's
    units, affect = {"f1", "auc"}, {"ccc_valence", "ccc_arousal"}
    assert {own.name: set(own.figures) for own in drawn.SETS} == {
        "affectnet": {"accuracy", "expression_f1"},
        "emotionet": {"afa", *units},
        "bp4d": units,
        "affwild2": affect,
        "disfa": units,
        "afew-va": affect,
        "rafdb": {"mean_diagonal"},
    }
    assert {name: (set(figures), seen) for name, _, figures, seen in real._HELD_OUT} == {
        "ferplus": ({"accuracy", "mean_diagonal"}, True),
        "affectnet": (affect, True),
        "ckplus": (units, True),
        "affectnet-expressions": ({"accuracy", "expression_f1"}, False),
        "ckplus-expressions": ({"mean_diagonal"}, False),
    }


def test_another_seed_other_worlds() -> None:
    assert drawn._world(drawn.SETS[0], 100).seed != drawn._world(drawn.SETS[0], 200).seed
    # held-out worlds lie beyond any seed's training worlds
    assert drawn._HELD_OUT > drawn._APART * 1000


def test_frames_are_those_of_the_clip() -> None:
    world = Filmed(DU, 3, DOMAINS["affwild2"], seconds=2.0, rate=3.0)
    assert world.frames == 6
    truth = world.draw(6 + 4)
    expected = draw_clip(world, 1, 2.0).frame(4 / 3)
    assert truth.face == expected.face
    assert torch.equal(truth.annotations.valence_arousal, expected.annotations.valence_arousal)
    assert world.to_json() != Filmed(DU, 3, DOMAINS["affwild2"], seconds=2.0, rate=4.0).to_json()


def test_labels_of_one_task_and_of_the_coders() -> None:
    labels = Annotations.stack([Annotations.of("fear", dict.fromkeys(AU_NUMBERS, 1.0), (0.1, 0.2))])
    alone = only(labels, VALENCE_AROUSAL)
    assert (float(alone.expression_weight), float(alone.action_units_weight.sum())) == (0, 0)
    assert float(alone.valence_arousal_weight) == 1
    assert coded(labels, (4, 12)).action_units_weight[0].nonzero().flatten().tolist() == [AU_INDEX[4], AU_INDEX[12]]


def test_an_inferred_table_keeps_no_chance_cells() -> None:
    rows = [Annotations.of("fear", {1: 1.0, 12: float(i == 0), 25: float(i < 10)}) for i in range(20)]
    assert inferred(Annotations.stack(rows)).row("fear") == {1: 1.0, 25: 0.5}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_couples_all_expressions(name: str, material: StudyData) -> None:
    assert set(TABLES[name](material).categories) >= {"anger", "happiness", "surprise"}


def test_fewer_au_labels_means_fewer_people_of_ckplus() -> None:
    def sample(dataset: str, who: str, number: int) -> Sample:
        return Sample(dataset, "", f"{who}/{number}", Annotations.of("fear"), subject=who)

    samples = (*(sample("ckplus", f"S{i}", k) for i in range(5) for k in range(4)), sample("ferplus", "", 0))
    assert real.limit_units(samples, None) == samples
    kept = real.limit_units(samples, 9)
    people = {s.subject for s in kept if s.dataset == "ckplus"}
    assert (len(people), sum(s.dataset == "ckplus" for s in kept), len(kept)) == (2, 8, 9)
    assert people < {s.subject for s in real.limit_units(samples, 12)}
    with pytest.raises(FormatError, match="first person alone has 4"):
        real.limit_units(samples, 3)


def test_a_smoke_study_meets_some_pictures_of_large_sets() -> None:
    many = {"ferplus": 30, "affectnet": 7, "ckplus": 20}
    samples = tuple(Sample(name, "", str(i), Annotations.of("fear")) for name, n in many.items() for i in range(n))
    assert real.subsample(samples, None) is samples
    kept = real.subsample(samples, 10)
    assert {name: sum(s.dataset == name for s in kept) for name in many} == {
        "ferplus": 10,
        "affectnet": 7,
        "ckplus": 20,
    }
    assert list(kept) == [sample for sample in samples if sample in kept]
    assert kept == real.subsample(samples, 10)
    # not the first ones, which are of one kind in some layouts
    assert [sample.path for sample in kept[:10]] != [str(i) for i in range(10)]


def test_rows_are_run_seed_by_seed_and_slow_ones_on_fewer() -> None:
    asked = AffectRequest(rows=("none", "resnet-50-none"), first_seed=40)
    assert BUDGETS["small"].seeds == 5
    runs = asked.runs
    assert [seed for seed, row in runs if row == "none"] == [40, 41, 42, 43, 44]
    assert [seed for seed, row in runs if row == "resnet-50-none"] == [40, 41]
    assert [seed for seed, _ in runs] == sorted(seed for seed, _ in runs)
    assert AffectRequest(rows=("resnet-50-none",), seeds=1).runs == ((0, "resnet-50-none"),)
    assert AffectRequest(rows=("none", "both", "none"), seeds=1).runs == ((0, "none"), (0, "both"))
    assert AffectRequest(action_units=500).limits.action_units == 500


@pytest.mark.parametrize("budget", BUDGETS)
def test_slow_rows_take_no_more_steps_than_others(budget: str) -> None:
    limits, arm = AffectRequest(budget=budget).limits, ARMS["densenet-121-both"]
    assert limits.steps_of(arm) == limits.slow_steps <= limits.steps == limits.steps_of(ARMS["both"])
    asked = AffectRequest(budget=budget, steps=9).limits
    assert asked.steps_of(arm) == asked.steps_of(ARMS["both"]) == 9


@pytest.mark.data
def test_the_open_sets(data_root: Path) -> None:
    asked = AffectRequest(data=data_root, budget="smoke", part="valid")
    found = real.read(data_root, asked.recipe, asked.limits, "valid")
    pictures = {task.name: len(stream.pool) for task, stream in found.streams}
    assert (pictures["expression"], pictures["valence_arousal"], pictures["action_units"] > 500) == (300, 300, True)
    sizes = {own.name: len(own.pool) for own in found.held_out}
    assert sizes["ferplus"] == 300 >= max(size for name, size in sizes.items() if not name.startswith("ckplus"))
    for name in ("affectnet", "ckplus"):
        own = found.pool.annotations[torch.from_numpy(found.pool.of_set(name))]
        assert float(own.expression_weight.sum()) == 0
    assert [own.name for own in found.held_out if not own.trained_on] == ["affectnet-expressions", "ckplus-expressions"]
    assert inferred(found.doubly_labelled).row("happiness")[12] > 0.8
