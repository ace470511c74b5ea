"""From adapters to parts: exact duplicates out, splits that no subject and no twin crosses, stable on any machine."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fbn.data.pictures import read_bytes
from fbn.data.sources import SOURCES, affectnet, celeba, ckplus, ferplus, find
from fbn.records import Sample
from fbn.vocabulary import DECISION, EXPRESSIONS

PARTS = ("train", "valid", "test")
Parts = dict[str, tuple[Sample, ...]]

FERPLUS_VALID = 0.05
AFFECTNET_TEST, AFFECTNET_VALID = 0.20, 0.08
CKPLUS_TEST_SUBJECTS, CKPLUS_VALID_SUBJECTS = 25, 8
#: An AU is scored on CK+ where the test part has at least so many positive sequences.
CKPLUS_POSITIVES = 5
_CKPLUS_DRAWS = 100


@dataclass(frozen=True)
class Corpus:
    """Several data sets, split.

    Attributes:
        names: the sets, in the order that ``TaskBatch.dataset`` indexes.
        samples: the samples of each part of ``PARTS``, in the order of ``names``.
    """

    names: tuple[str, ...]
    samples: Mapping[str, tuple[Sample, ...]]


def load_corpus(data_root: Path, sets: Sequence[str] = tuple(SOURCES), seed: int = 0, clean: bool = False) -> Corpus:
    """Read, rid of duplicates and split the named sets.

    FER+ gives vote distributions in ``train`` and the majority class in ``valid`` and ``test``.

    Args:
        data_root: folder with ``<name>/`` or ``<name>.zip`` for each set.
        sets: keys of ``SOURCES``.
        seed: of the splits.
        clean: paper A's cleaning of AffectNet, in ``train`` only: what is reported stays uncleaned.

    Raises:
        MissingFileError: a set is not there.
        FormatError: a set departs from its layout.
    """
    joined: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for name in sets:
        root = find(data_root, name)
        parts = split(name, SOURCES[name](root).samples, seed)
        if name == ferplus.NAME:
            majority = {s.path: s for s in ferplus.read(root, targets="majority").samples}
            for part in ("valid", "test"):
                parts[part] = tuple(majority[s.path] for s in parts[part] if s.path in majority)
        if name == affectnet.NAME and clean:
            parts["train"] = tuple(s for s in parts["train"] if affectnet.contradiction(s.annotations) is None)
        for part in PARTS:
            joined[part] += parts[part]
    return Corpus(tuple(sets), {part: tuple(samples) for part, samples in joined.items()})


def split(name: str, samples: Iterable[Sample], seed: int = 0) -> Parts:
    """Duplicates out (``without_duplicates``), then train, valid and test.

    FER+: test is what was released as FER2013Valid, valid 5 % of FER2013Train; FER2013Test is left out. AffectNet:
    test 20 %, valid 8 % of each class. CK+: test 25 subjects, valid 8. CelebA, which has no affect labels to report
    on: all train.
    """
    return _SPLITS[name](without_duplicates(samples), seed)


def twins(samples: Iterable[Sample]) -> tuple[tuple[Sample, ...], ...]:
    """Groups of two or more samples whose picture files are the same, byte for byte; train copies first."""
    groups: dict[bytes, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sha256(read_bytes(sample)).digest()].append(sample)
    order = {part: i for i, part in enumerate(("", *PARTS, ferplus.PRIVATE))}
    return tuple(
        tuple(sorted(group, key=lambda s: (order[s.part], s.path))) for group in groups.values() if len(group) > 1
    )


def without_duplicates(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The samples with one of each group of twins, in their order.

    Across parts the training copy stays and the reported one goes: nothing measured was trained on. Inside the
    part that stays, the first copy stays if all agree on their subject and most likely expression; else none does.
    """
    samples = tuple(samples)
    gone: set[tuple[str, str]] = set()
    for group in twins(samples):
        same_part = [s for s in group if s.part == group[0].part]
        stays = len({_opinion(s) for s in same_part}) == 1
        gone |= {(s.dataset, s.path) for s in group[stays:]}
    return tuple(s for s in samples if (s.dataset, s.path) not in gone)


def _opinion(sample: Sample) -> tuple[str, str]:
    labels = sample.annotations
    expression = EXPRESSIONS[int(labels.expression.argmax())].value if labels.expression_weight > 0 else ""
    return sample.subject, expression


def subject_dependent(samples: Iterable[Sample], seed: int = 0, shares: tuple[float, float] = (0.1, 0.1)) -> Parts:
    """Paper A's re-split of CelebA (4.1): every identity in all three parts.

    Args:
        samples: with their identity as ``subject``.
        seed: of the draw.
        shares: of each identity's pictures that go to valid and to test, at least one to each.

    Raises:
        ValueError: an identity has fewer than three pictures.
    """
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for subject, own in _grouped(samples, lambda s: s.subject).items():
        if len(own) < len(PARTS):
            raise ValueError(f"identity {subject} has {len(own)} pictures: expected at least {len(PARTS)}")
        counts = {part: max(1, round(share * len(own))) for part, share in zip(PARTS[1:], shares, strict=True)}
        _cut(parts, own, seed, counts)
    return {part: tuple(own) for part, own in parts.items()}


def _draw(seed: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    return int.from_bytes(sha256(f"{seed}:{key}".encode()).digest()[:6], "big") / 2**48


def _grouped(samples: Iterable[Sample], key: Callable[[Sample], str]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[key(sample)].append(sample)
    return groups


def _cut(parts: dict[str, list[Sample]], samples: list[Sample], seed: int, counts: dict[str, int]) -> None:
    """Deal samples out in drawn order: ``counts`` to their parts, the rest to train."""
    dealt = sorted(samples, key=lambda s: _draw(seed, s.path))
    for part, count in counts.items():
        parts[part] += dealt[:count]
        dealt = dealt[count:]
    parts["train"] += dealt


def _ferplus(samples: tuple[Sample, ...], seed: int) -> Parts:
    released = {part: [s for s in samples if s.part == part] for part in ("train", "test")}
    valid = {s.path for s in released["train"] if _draw(seed, s.path) < FERPLUS_VALID}
    return {
        "train": tuple(s for s in released["train"] if s.path not in valid),
        "valid": tuple(s for s in released["train"] if s.path in valid),
        "test": tuple(released["test"]),
    }


def _affectnet(samples: tuple[Sample, ...], seed: int) -> Parts:
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for _, own in sorted(_grouped(samples, lambda s: _opinion(s)[1]).items()):
        counts = {"test": round(AFFECTNET_TEST * len(own)), "valid": round(AFFECTNET_VALID * len(own))}
        _cut(parts, own, seed, counts)
    return {part: tuple(own) for part, own in parts.items()}


def _ckplus(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Of a fixed number of draws of subjects, the one that shares every AU out most evenly.

    A part with a third of the subjects should show a third of each AU's sequences; how far a draw is from that is
    chi-squared over parts and AUs. Only labels are counted, before any network is trained.
    """
    by_subject = _grouped(samples, lambda s: s.subject)
    positives = {subject: positive_sequences(own) for subject, own in by_subject.items()}
    total = [sum(column) for column in zip(*positives.values(), strict=True)]

    def deal(draw: int) -> dict[str, list[str]]:
        subjects = sorted(by_subject, key=lambda subject: _draw(seed, f"{draw}:{subject}"))
        cuts = (0, CKPLUS_TEST_SUBJECTS, CKPLUS_TEST_SUBJECTS + CKPLUS_VALID_SUBJECTS, len(subjects))
        return {part: subjects[cuts[i] : cuts[i + 1]] for i, part in enumerate(("test", "valid", "train"))}

    def unevenness(draw: int) -> float:
        distance = 0.0
        for subjects in deal(draw).values():
            for whole, column in zip(total, zip(*(positives[s] for s in subjects), strict=True), strict=True):
                expected = whole * len(subjects) / len(by_subject)
                distance += (sum(column) - expected) ** 2 / expected if expected else 0.0
        return distance

    chosen = deal(min(range(_CKPLUS_DRAWS), key=unevenness))
    members = {part: set(subjects) for part, subjects in chosen.items()}
    return {part: tuple(s for s in samples if s.subject in members[part]) for part in PARTS}


def positive_sequences(samples: Iterable[Sample]) -> list[int]:
    """[17] how many CK+ sequences show each of ``ACTION_UNITS`` in at least one of these frames."""
    seen: dict[str, list[bool]] = {}
    for sample in samples:
        labels = sample.annotations
        active = ((labels.action_units >= DECISION) & (labels.action_units_weight > 0)).tolist()
        before = seen.get(key := ckplus.sequence_of(sample), [False] * len(active))
        seen[key] = [a or b for a, b in zip(active, before, strict=True)]
    return [sum(column) for column in zip(*seen.values(), strict=True)]


def _celeba(samples: tuple[Sample, ...], seed: int) -> Parts:
    return {"train": samples, "valid": (), "test": ()}


_SPLITS: dict[str, Callable[[tuple[Sample, ...], int], Parts]] = {
    ferplus.NAME: _ferplus,
    affectnet.NAME: _affectnet,
    ckplus.NAME: _ckplus,
    celeba.NAME: _celeba,
}
