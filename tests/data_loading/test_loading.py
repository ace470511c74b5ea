"""Batches: a pure function of (seed, step), the promised counts of each set, shared without loss."""

from collections import Counter

import numpy as np
import pytest
import torch

from fbn.data.augment import Augmentation
from fbn.data.loading import (
    EpochSampler,
    EvaluationBatches,
    Pool,
    Stream,
    TrainingBatches,
    fixed_streams,
    paper_streams,
    smoothed,
    steps_to_see_all,
    weighted,
)
from fbn.errors import FormatError
from fbn.models.spec import InputSpec
from fbn.records import Annotations, Predictions

PREPARE = InputSpec().prepare


def labels(count: int, **what: object) -> Annotations:
    """The same labels for so many pictures."""
    return Annotations.stack([Annotations.of(**what)] * count)  # type: ignore[arg-type]


@pytest.fixture
def pool() -> Pool:
    """13 pictures with votes, 5 with expression and VA, 4 with AUs; picture i is of uniform gray i."""
    sizes = {"ferplus": 13, "affectnet": 5, "ckplus": 4}
    shades = iter(range(sum(sizes.values())))
    crops = {
        name: np.stack([np.full((144, 144, 3), next(shades) * 10, np.uint8) for _ in range(n)])
        for name, n in sizes.items()
    }
    known = {
        "ferplus": Annotations.concatenate([labels(10, expression="neutral"), labels(3, expression="fear")]),
        "affectnet": labels(5, expression="anger", valence_arousal=(0.5, -0.5)),
        "ckplus": labels(4, action_units={1: 1.0, 2: 0.0}),
    }
    whole = Pool.of({name: (crops[name], known[name]) for name in sizes})
    return Pool(
        whole.names,
        whole.crops,
        whole.annotations,
        whole.dataset,
        Predictions.of(torch.arange(22.0)[:, None].expand(22, 7)),
    )


def steps(
    pool: Pool, streams: list[Stream], seed: int = 0, shard: tuple[int, int] = (0, 1), how: object = None
) -> TrainingBatches:
    """A data set of steps."""
    return TrainingBatches(pool, streams, Augmentation() if how is None else how, seed, PREPARE, shard=shard)  # type: ignore[arg-type]


def drawn(item: tuple) -> list[int]:
    """Which pictures a step took: the teacher's logits are their numbers."""
    return [int(n) for n in item[1].expression_logits[:, 0]]


COUNTS = {"ferplus": 6, "affectnet": 4, "ckplus": 2}


def test_a_batch_is_a_pure_function_of_seed_and_step(pool: Pool) -> None:
    one, other = (steps(pool, fixed_streams(pool, COUNTS, {"ferplus": 0.5})) for _ in range(2))
    later = [other[k] for k in (7, 3, 5)]
    for k, item in zip((7, 3, 5), later, strict=True):
        assert torch.equal(one[k][0].images, item[0].images)
        assert drawn(one[k]) == drawn(item)
    assert not torch.equal(one[3][0].images, steps(pool, fixed_streams(pool, COUNTS, {}), seed=1)[3][0].images)


def test_each_step_has_each_sets_count_and_labels(pool: Pool) -> None:
    data = steps(pool, fixed_streams(pool, COUNTS, {}))
    for k in range(5):
        batch, teacher = data[k]
        assert Counter(batch.dataset.tolist()) == {0: 6, 1: 4, 2: 2}
        assert batch.images.shape == (12, 3, 112, 112)
        assert (batch.annotations.action_units_weight.amax(-1) > 0).tolist() == [False] * 10 + [True] * 2
        assert teacher is not None
        numbers = drawn((batch, teacher))
        assert torch.equal(batch.dataset, pool.dataset[numbers])
        assert torch.equal(batch.annotations.expression, pool.annotations.expression[numbers])


def test_pictures_and_labels_belong_together(pool: Pool) -> None:
    still = Augmentation(rotation=0, scale=(1, 1), shift=0, light=0, gray=0, dark=0, blur=0, jpeg=0, small=0, erase=0)
    batch, teacher = steps(pool, fixed_streams(pool, COUNTS, {}), how=still)[2]
    shade = ((batch.images.mean((1, 2, 3)) + 1) * 127.5 / 10).round()
    assert shade.tolist() == drawn((batch, teacher))


def test_small_sets_are_recycled_in_shuffled_epochs(pool: Pool) -> None:
    data = steps(pool, fixed_streams(pool, COUNTS, {}))
    seen = [n for k in range(13) for n in drawn(data[k])]
    for name, count in COUNTS.items():
        own = Counter(n for n in seen if n in pool.of_set(name))
        assert len(own) == len(pool.of_set(name))
        assert sum(own.values()) == 13 * count
        assert max(own.values()) - min(own.values()) <= 1
    first = [n for k in range(3) for n in drawn(data[k]) if n < 13][:13]
    assert sorted(first) == list(range(13)) != first


def test_balance_draws_rare_expressions_more_often(pool: Pool) -> None:
    data = steps(pool, [Stream(pool.of_set("ferplus"), 50, balance=1.0)])
    fear = np.mean([n >= 10 for k in range(20) for n in drawn(data[k])])
    assert 0.44 < fear < 0.56  # 3 of 13 pictures


def test_paper_mode_sees_every_set_whole_in_one_epoch(pool: Pool) -> None:
    streams = paper_streams(pool, total=9)
    # EXPR-Set 18 (AffectNet stands in it too), AU-Set 4, VA-Set 5: of 27
    assert {len(s.pool): s.count for s in streams} == {18: 6, 4: 1, 5: 2}
    epoch = steps_to_see_all(streams)
    data = steps(pool, streams)
    assert {n for k in range(epoch) for n in drawn(data[k])} == set(range(22))


def test_processes_share_a_step_without_loss(pool: Pool) -> None:
    streams = fixed_streams(pool, COUNTS, {})
    whole = steps(pool, streams)[4][0].images
    shares = [steps(pool, streams, shard=(rank, 3))[4][0].images for rank in range(3)]
    assert torch.equal(torch.stack(shares, 1).flatten(0, 1), whole)
    with pytest.raises(FormatError, match="12 pictures cannot be shared by 5"):
        steps(pool, streams, shard=(0, 5))


def test_epochs_of_the_sampler_go_on_where_the_last_ended() -> None:
    done = iter([0, 8])
    sampler = EpochSampler(4, lambda: next(done))
    assert list(sampler) == [0, 1, 2, 3]
    assert list(sampler) == [8, 9, 10, 11]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_validation_reads_each_picture_once(pool: Pool, processes: int) -> None:
    seen: list[int] = []
    for rank in range(processes):
        data = EvaluationBatches(pool, PREPARE, batch=4, shard=(rank, processes))
        for k in range(len(data)):
            batch, numbers = data[k]
            shade = ((batch.images.mean((1, 2, 3)) + 1) * 127.5 / 10).round()
            assert shade.tolist() == numbers.tolist()
            seen += numbers.tolist()
    assert sorted(seen) == list(range(22))


def test_label_weights_scale_one_task(pool: Pool) -> None:
    scaled = weighted(pool.annotations, {"expression": 0.5})
    assert torch.equal(scaled.expression_weight, pool.annotations.expression_weight * 0.5)
    assert torch.equal(scaled.valence_arousal_weight, pool.annotations.valence_arousal_weight)
    assert torch.equal(scaled.expression, pool.annotations.expression)


def test_a_set_without_pictures_is_refused(pool: Pool) -> None:
    with pytest.raises(FormatError, match="no pictures"):
        steps(pool, [Stream(np.array([], dtype=int), 2)])


def test_a_set_may_be_varied_in_its_own_way(pool: Pool) -> None:
    still = Augmentation(
        rotation=0, scale=(1, 1), shift=0, flip=0, light=0, gray=0, dark=0, blur=0, jpeg=0, small=0, erase=0
    )
    streams = fixed_streams(pool, dict.fromkeys(pool.names, 4), {})
    dark = still.model_copy(update={"dark": 1.0})
    plain, _ = TrainingBatches(pool, streams, still, 0, PREPARE)[0]  # type: ignore[arg-type]
    mixed, _ = TrainingBatches(pool, streams, still, 0, PREPARE, by_set={pool.names[0]: dark})[0]  # type: ignore[arg-type]
    changed = (plain.images.float() != mixed.images.float()).flatten(1).any(1)
    assert changed.tolist() == (plain.dataset == 0).tolist()


def test_smoothing_spreads_a_share_of_what_is_annotated() -> None:
    labels = Annotations.stack(
        [Annotations.of("anger"), Annotations.of({"fear": 1, "surprise": 3}), Annotations.empty()]
    )
    found = smoothed(labels, 0.7)
    expected = 0.3 * labels.expression[:2] + 0.1
    torch.testing.assert_close(found.expression[:2], expected)
    assert not found.expression[2].any()
    torch.testing.assert_close(found.expression_weight, labels.expression_weight)
