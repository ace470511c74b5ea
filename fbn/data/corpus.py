"""Load data sets into splits: without exact duplicates, split by subject, reproducible on any machine."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from fbn.data.pictures import read_bytes
from fbn.data.sources import SOURCES, affectnet, ckplus, diffusionfer, expw, ferplus, find
from fbn.data.splits import PARTS, SPLITS, Parts, by_subject, label_key
from fbn.errors import MissingFileError
from fbn.records import Sample

#: Data sets that results are reported on, if present.
MEASURED = (ferplus.NAME, affectnet.NAME, ckplus.NAME, expw.NAME, diffusionfer.NAME)


@dataclass(frozen=True)
class Corpus:
    """Several data sets and their splits.

    Attributes:
        names: names of the data sets, in the order that ``TaskBatch.dataset`` indexes.
        samples: split (of ``PARTS``) -> samples, in the order of ``names``.
        cut: split -> samples before some were removed, whose crops are cached together; empty if none were.
    """

    names: tuple[str, ...]
    samples: Mapping[str, tuple[Sample, ...]]
    cut: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)

    def of_set(self, name: str, part: str) -> tuple[list[Sample], list[Sample]]:
        """Return the samples of a data set in a split, and ``among`` for ``cached_crops``."""
        samples = [s for s in self.samples[part] if s.dataset == name]
        return samples, [s for s in self.cut.get(part, ()) if s.dataset == name] or samples


def load_corpus(data_root: Path, sets: Sequence[str] | None = None, seed: int = 0, clean: bool = False) -> Corpus:
    """Read data sets, remove exact duplicates, and split them.

    FER+ has vote distributions in ``train`` and the majority class in ``valid`` and ``test``.

    Args:
        data_root: folder with ``<name>/`` or ``<name>.zip`` for each data set.
        sets: keys of ``SOURCES``; None: all data sets that ``data_root`` contains.
        seed: random seed of the splits.
        clean: apply paper A's cleaning of AffectNet to ``train``; the splits for evaluation are never cleaned.

    Raises:
        MissingFileError: a data set does not exist.
        FormatError: a data set does not follow its layout.
    """
    sets = present(data_root) if sets is None else sets
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


def present(data_root: Path, among: Sequence[str] = tuple(SOURCES)) -> tuple[str, ...]:
    """Return the names of the data sets that a folder contains.

    Raises:
        MissingFileError: it contains none of them.
    """

    def is_there(name: str) -> bool:
        try:
            return bool(find(data_root, name))
        except MissingFileError:
            return False

    if not (names := tuple(filter(is_there, among))):
        raise MissingFileError(f"{data_root}: expected at least one of {', '.join(among)}")
    return names


def split(name: str, samples: Iterable[Sample], seed: int = 0) -> Parts:
    """Remove duplicates (``without_duplicates``) and split into train, valid and test.

    FER+: test is FER2013Valid, valid 5 % of FER2013Train; FER2013Test is not used. AffectNet: test 20 %, valid 8 % of
    each class. CK+: test 25 subjects, valid 8. CelebA, which has no affect labels: all train. Aff-Wild2, s-Aff-Wild2,
    AffectNet's npy release and RAF-DB: test is the second released split (the papers report on it), valid 10 % of
    train's subjects. EmotioNet, DISFA, BP4D, AFEW-VA and ExpW: test 20 %, valid 10 % of the subjects. The masked
    subset of AffectNet: valid 4 %, the rest train. DiffusionFER: half valid, half test. Other data sets: as released,
    otherwise as EmotioNet. If subjects are unknown, pictures are split at random.
    """
    return SPLITS.get(name, by_subject)(without_duplicates(samples), seed)


def twins(samples: Iterable[Sample]) -> tuple[tuple[Sample, ...], ...]:
    """Return groups of two or more samples with byte-identical files and the same box; training copies first."""
    groups: dict[tuple[bytes, object], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sha256(read_bytes(sample)).digest(), sample.box].append(sample)
    order = {part: i for i, part in enumerate(("", *PARTS, ferplus.PRIVATE))}
    return tuple(
        tuple(sorted(group, key=lambda s: (order[s.part], s.path))) for group in groups.values() if len(group) > 1
    )


def without_duplicates(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Keep one sample of each group of exact duplicates; the order is preserved.

    Of copies in several released splits the training copies are kept, so that no evaluation picture was trained on. Of
    several copies in that split the first is kept if their subjects and most likely expressions agree, otherwise none.
    """
    samples = tuple(samples)
    removed: set[object] = set()
    for group in twins(samples):
        same_part = [s for s in group if s.part == group[0].part]
        labels_agree = len({label_key(s) for s in same_part}) == 1
        removed |= {s.face for s in group[labels_agree:]}
    return tuple(s for s in samples if s.face not in removed)
