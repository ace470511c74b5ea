"""Splits of the sets with released parts, and of those without, whose subjects are drawn."""

from fbn.data.splits import PARTS, SPLITS
from fbn.records import Annotations, Sample


def samples(name: str, n: int, subjects: int, parts: tuple[str, ...] = ("",)) -> tuple[Sample, ...]:
    made = []
    for i in range(n):
        subject = f"s{i % subjects}" if subjects else ""
        made.append(Sample(name, "root", f"{i}.jpg", Annotations.empty(), parts[i % len(parts)], subject))
    return tuple(made)


def test_the_other_released_part_is_reported_on():
    for name, other in (("affwild2", "valid"), ("rafdb", "test")):
        everything = samples(name, 400, 0, ("train", "train", "train", other))
        parts = SPLITS[name](everything, 0)
        assert [s.path for s in parts["test"]] == [s.path for s in everything if s.part == other]
        assert {part: len(parts[part]) for part in PARTS} == {"train": 270, "valid": 30, "test": 100}


def test_subjects_do_not_cross():
    for name, parts_of in (("disfa", ("",)), ("affwild2", ("train",))):
        everything = samples(name, 270, 27, parts_of)
        parts = SPLITS[name](everything, 0)
        subjects = {part: {s.subject for s in parts[part]} for part in PARTS}
        counts = {part: len(own) for part, own in subjects.items()}
        assert counts == (
            {"train": 19, "valid": 3, "test": 5} if name == "disfa" else {"train": 24, "valid": 3, "test": 0}
        )
        assert sum(counts.values()) == len(set().union(*subjects.values()))
        assert sum(map(len, parts.values())) == 270
        other = SPLITS[name](everything, 1)
        assert {s.subject for s in other["valid"]} != subjects["valid"]


def test_few_subjects_still_leave_some_to_train_on():
    for n in (1, 2, 3):
        parts = SPLITS["bp4d"](samples("bp4d", 6, n), 0)
        assert parts["train"]
        assert len({s.subject for s in parts["train"]}) == max(1, n - 2)
    assert SPLITS["bp4d"]((), 0) == {"train": (), "valid": (), "test": ()}
