"""Which sample goes to which part: a rule a data set; no subject crosses, no draw moves from machine to machine."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256

from fbn.data.sources import (
    afew_va,
    affectnet,
    affectnet_masked,
    affectnet_npy,
    affwild2,
    bp4d,
    celeba,
    ckplus,
    diffusionfer,
    disfa,
    emotionet,
    expw,
    ferplus,
    rafdb,
    saffwild2,
)
from fbn.records import Sample
from fbn.vocabulary import DECISION, EXPRESSIONS

PARTS = ("train", "valid", "test")
Parts = dict[str, tuple[Sample, ...]]

FERPLUS_VALID = 0.05
AFFECTNET_TEST, AFFECTNET_VALID = 0.20, 0.08
#: AffectNet's test part serves the masked faces, too.
AFFECTNET_MASKED_VALID = 0.04
CKPLUS_TEST_SUBJECTS, CKPLUS_VALID_SUBJECTS = 25, 8
#: An AU is scored on CK+ where the test part has at least so many positive sequences.
CKPLUS_POSITIVES = 5
_CKPLUS_DRAWS = 100
#: Of the subjects of a set without released parts; and of those that train, where only one other part was released.
SUBJECTS_TEST, SUBJECTS_VALID = 0.20, 0.10


def label_key(sample: Sample) -> tuple[str, str, str]:
    """Subject, most likely expression and compound expression; "" for what is not annotated."""
    labels = sample.annotations
    expression = EXPRESSIONS[int(labels.expression.argmax())].value if labels.expression_weight > 0 else ""
    return sample.subject, expression, sample.compound


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
    for _, own in sorted(_grouped(samples, lambda s: label_key(s)[1]).items()):
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
            for unit, whole in enumerate(total):
                expected = whole * len(subjects) / len(by_subject)
                own = sum(positives[subject][unit] for subject in subjects)
                distance += (own - expected) ** 2 / expected if expected else 0.0
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


def _affectnet_masked(samples: tuple[Sample, ...], seed: int) -> Parts:
    return _by_subject(samples, seed, {"valid": AFFECTNET_MASKED_VALID})


def _evaluated(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Nothing trains: one half to choose by, one to report on."""
    parts = _by_subject(samples, seed, {"test": 0.5})
    return {"train": (), "valid": parts["train"], "test": parts["test"]}


def _released(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Train as released; the other released part is what figures are reported on; valid is drawn from train."""
    train = [s for s in samples if s.part == "train"]
    drawn = _by_subject(train, seed, {"valid": SUBJECTS_VALID})
    return {**drawn, "test": tuple(s for s in samples if s.part in ("valid", "test"))}


def _no_parts(samples: tuple[Sample, ...], seed: int) -> Parts:
    return _by_subject(samples, seed, {"test": SUBJECTS_TEST, "valid": SUBJECTS_VALID})


def _by_subject(samples: Iterable[Sample], seed: int, shares: dict[str, float]) -> Parts:
    """Deal subjects out in drawn order, pictures where subjects are unknown; at least one to each part, train last."""
    groups = _grouped(samples, lambda s: s.subject or s.path)
    dealt = sorted(groups, key=lambda subject: _draw(seed, subject))
    part_of: dict[str, str] = {}
    for part, share in shares.items():
        count = min(max(1, round(share * len(groups))), max(0, len(dealt) - 1))
        part_of |= dict.fromkeys(dealt[:count], part)
        dealt = dealt[count:]
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for subject, own in groups.items():
        parts[part_of.get(subject, "train")] += own
    return {part: tuple(own) for part, own in parts.items()}


def by_subject(samples: tuple[Sample, ...], seed: int) -> Parts:
    """As released where the set has parts; else test 20 %, valid 10 % of the subjects."""
    return (_released if any(sample.part for sample in samples) else _no_parts)(samples, seed)


SPLITS: dict[str, Callable[[tuple[Sample, ...], int], Parts]] = {
    ferplus.NAME: _ferplus,
    affectnet.NAME: _affectnet,
    ckplus.NAME: _ckplus,
    celeba.NAME: _celeba,
    **dict.fromkeys((affwild2.NAME, saffwild2.NAME, affectnet_npy.NAME, rafdb.NAME, rafdb.COMPOUND), _released),
    **dict.fromkeys((emotionet.NAME, disfa.NAME, bp4d.NAME, afew_va.NAME, expw.NAME), _no_parts),
    affectnet_masked.NAME: _affectnet_masked,
    diffusionfer.NAME: _evaluated,
}
