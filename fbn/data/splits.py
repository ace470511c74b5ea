"""Train, validation and test splits: one rule per data set, by subject, reproducible on any machine."""

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
#: No test split: AffectNet's is used.
AFFECTNET_MASKED_VALID = 0.04
CKPLUS_TEST_SUBJECTS, CKPLUS_VALID_SUBJECTS = 25, 8
#: Minimal number of positive test sequences for an AU to be evaluated on CK+.
CKPLUS_POSITIVES = 5
#: Number of random splits of CK+ of which the most balanced is used.
_CKPLUS_DRAWS = 100
#: Fractions of the subjects of a data set without released splits; SUBJECTS_VALID also of a released training split.
SUBJECTS_TEST, SUBJECTS_VALID = 0.20, 0.10


def label_key(sample: Sample) -> tuple[str, str, str]:
    """Return subject, most likely expression and compound expression; "" for each that is not annotated."""
    labels = sample.annotations
    expression = EXPRESSIONS[int(labels.expression.argmax())].value if labels.expression_weight > 0 else ""
    return sample.subject, expression, sample.compound


def subject_dependent(samples: Iterable[Sample], seed: int = 0, fractions: tuple[float, float] = (0.1, 0.1)) -> Parts:
    """Split by picture, as paper A re-splits CelebA (4.1): every identity is in all three splits.

    Args:
        samples: samples with their identity as ``subject``.
        seed: random seed.
        fractions: fractions of each identity's pictures for valid and test, at least one picture each.

    Raises:
        ValueError: an identity has fewer than three pictures.
    """
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for subject, group in _grouped(samples, lambda s: s.subject).items():
        if len(group) < len(PARTS):
            raise ValueError(f"identity {subject} has {len(group)} pictures: expected at least {len(PARTS)}")
        counts = {part: max(1, round(f * len(group))) for part, f in zip(PARTS[1:], fractions, strict=True)}
        _distribute(parts, group, seed, counts)
    return {part: tuple(members) for part, members in parts.items()}


def uniform(seed: int, key: str) -> float:
    """Return a pseudo-random number in [0, 1) that depends only on the arguments."""
    return int.from_bytes(sha256(f"{seed}:{key}".encode()).digest()[:6], "big") / 2**48


def _grouped(samples: Iterable[Sample], key: Callable[[Sample], str]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[key(sample)].append(sample)
    return groups


def _distribute(parts: dict[str, list[Sample]], samples: list[Sample], seed: int, counts: dict[str, int]) -> None:
    """Distribute samples in random order: ``counts`` to the given splits, the rest to train."""
    remaining = sorted(samples, key=lambda s: uniform(seed, s.path))
    for part, count in counts.items():
        parts[part] += remaining[:count]
        remaining = remaining[count:]
    parts["train"] += remaining


def _ferplus(samples: tuple[Sample, ...], seed: int) -> Parts:
    released = {part: [s for s in samples if s.part == part] for part in ("train", "test")}
    valid = {s.path for s in released["train"] if uniform(seed, s.path) < FERPLUS_VALID}
    return {
        "train": tuple(s for s in released["train"] if s.path not in valid),
        "valid": tuple(s for s in released["train"] if s.path in valid),
        "test": tuple(released["test"]),
    }


def _affectnet(samples: tuple[Sample, ...], seed: int) -> Parts:
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for _, group in sorted(_grouped(samples, lambda s: label_key(s)[1]).items()):
        counts = {"test": round(AFFECTNET_TEST * len(group)), "valid": round(AFFECTNET_VALID * len(group))}
        _distribute(parts, group, seed, counts)
    return {part: tuple(members) for part, members in parts.items()}


def _ckplus(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Choose, of a fixed number of random splits by subject, the one with the most even distribution of the AUs.

    A split with a third of the subjects should contain a third of each AU's sequences; the deviation is measured by
    chi-squared over splits and AUs. Only labels are used, no predictions.
    """
    by_subject = _grouped(samples, lambda s: s.subject)
    positives = {subject: positive_sequences(group) for subject, group in by_subject.items()}
    total = [sum(column) for column in zip(*positives.values(), strict=True)]

    def random_split(draw: int) -> dict[str, list[str]]:
        subjects = sorted(by_subject, key=lambda subject: uniform(seed, f"{draw}:{subject}"))
        cuts = (0, CKPLUS_TEST_SUBJECTS, CKPLUS_TEST_SUBJECTS + CKPLUS_VALID_SUBJECTS, len(subjects))
        return {part: subjects[cuts[i] : cuts[i + 1]] for i, part in enumerate(("test", "valid", "train"))}

    def chi_squared(draw: int) -> float:
        distance = 0.0
        for subjects in random_split(draw).values():
            for unit, whole in enumerate(total):
                expected = whole * len(subjects) / len(by_subject)
                observed = sum(positives[subject][unit] for subject in subjects)
                distance += (observed - expected) ** 2 / expected if expected else 0.0
        return distance

    chosen = random_split(min(range(_CKPLUS_DRAWS), key=chi_squared))
    members = {part: set(subjects) for part, subjects in chosen.items()}
    return {part: tuple(s for s in samples if s.subject in members[part]) for part in PARTS}


def positive_sequences(samples: Iterable[Sample]) -> list[int]:
    """Count the CK+ sequences in which each of ``ACTION_UNITS`` is active in at least one of these frames, [17]."""
    by_sequence: dict[str, list[bool]] = {}
    for sample in samples:
        labels = sample.annotations
        active = ((labels.action_units >= DECISION) & (labels.action_units_weight > 0)).tolist()
        before = by_sequence.get(key := ckplus.sequence_of(sample), [False] * len(active))
        by_sequence[key] = [a or b for a, b in zip(active, before, strict=True)]
    return [sum(column) for column in zip(*by_sequence.values(), strict=True)]


def _celeba(samples: tuple[Sample, ...], seed: int) -> Parts:
    return {"train": samples, "valid": (), "test": ()}


def _affectnet_masked(samples: tuple[Sample, ...], seed: int) -> Parts:
    return _by_subject(samples, seed, {"valid": AFFECTNET_MASKED_VALID})


def _evaluation_only(samples: tuple[Sample, ...], seed: int) -> Parts:
    """No training split: one half for model selection, one for reported results."""
    parts = _by_subject(samples, seed, {"test": 0.5})
    return {"train": (), "valid": parts["train"], "test": parts["test"]}


def _released(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Train as released; test is the other released split, on which results are reported; valid is drawn from train."""
    train = [s for s in samples if s.part == "train"]
    drawn = _by_subject(train, seed, {"valid": SUBJECTS_VALID})
    return {**drawn, "test": tuple(s for s in samples if s.part in ("valid", "test"))}


def _not_released(samples: tuple[Sample, ...], seed: int) -> Parts:
    return _by_subject(samples, seed, {"test": SUBJECTS_TEST, "valid": SUBJECTS_VALID})


def _by_subject(samples: Iterable[Sample], seed: int, fractions: dict[str, float]) -> Parts:
    """Distribute subjects (or pictures, if subjects are unknown) in random order, at least one to each split."""
    groups = _grouped(samples, lambda s: s.subject or s.path)
    remaining = sorted(groups, key=lambda subject: uniform(seed, subject))
    part_of: dict[str, str] = {}
    for part, fraction in fractions.items():
        count = min(max(1, round(fraction * len(groups))), max(0, len(remaining) - 1))
        part_of |= dict.fromkeys(remaining[:count], part)
        remaining = remaining[count:]
    parts: dict[str, list[Sample]] = {part: [] for part in PARTS}
    for subject, group in groups.items():
        parts[part_of.get(subject, "train")] += group
    return {part: tuple(members) for part, members in parts.items()}


def by_subject(samples: tuple[Sample, ...], seed: int) -> Parts:
    """Split as released if the data set has released splits; otherwise test 20 %, valid 10 % of the subjects."""
    return (_released if any(sample.part for sample in samples) else _not_released)(samples, seed)


SPLITS: dict[str, Callable[[tuple[Sample, ...], int], Parts]] = {
    ferplus.NAME: _ferplus,
    affectnet.NAME: _affectnet,
    ckplus.NAME: _ckplus,
    celeba.NAME: _celeba,
    **dict.fromkeys((affwild2.NAME, saffwild2.NAME, affectnet_npy.NAME, rafdb.NAME, rafdb.COMPOUND), _released),
    **dict.fromkeys((emotionet.NAME, disfa.NAME, bp4d.NAME, afew_va.NAME, expw.NAME), _not_released),
    affectnet_masked.NAME: _affectnet_masked,
    diffusionfer.NAME: _evaluation_only,
}
