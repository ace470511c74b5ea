"""From adapters to parts: exact duplicates out, splits that no subject and no twin crosses, stable on any machine."""

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

#: What figures are reported on, where it is there.
MEASURED = (ferplus.NAME, affectnet.NAME, ckplus.NAME, expw.NAME, diffusionfer.NAME)


@dataclass(frozen=True)
class Corpus:
    """Several data sets, split.

    Attributes:
        names: the sets, in the order that ``TaskBatch.dataset`` indexes.
        samples: the samples of each part of ``PARTS``, in the order of ``names``.
        cut: part -> the samples it had before some were left out; empty where none were.
    """

    names: tuple[str, ...]
    samples: Mapping[str, tuple[Sample, ...]]
    cut: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)

    def of_set(self, name: str, part: str) -> tuple[list[Sample], list[Sample]]:
        """One set's samples in a part, and those that their crops are cut among (``cached_crops``)."""
        own = [s for s in self.samples[part] if s.dataset == name]
        return own, [s for s in self.cut.get(part, ()) if s.dataset == name] or own


def load_corpus(data_root: Path, sets: Sequence[str] | None = None, seed: int = 0, clean: bool = False) -> Corpus:
    """Read, rid of duplicates and split the named sets.

    FER+ gives vote distributions in ``train`` and the majority class in ``valid`` and ``test``.

    Args:
        data_root: folder with ``<name>/`` or ``<name>.zip`` for each set.
        sets: keys of ``SOURCES``; None: all that are there.
        seed: of the splits.
        clean: paper A's cleaning of AffectNet, in ``train`` only: what is reported stays uncleaned.

    Raises:
        MissingFileError: a set is not there.
        FormatError: a set departs from its layout.
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
    """Those of the sets that are in a data folder.

    Raises:
        MissingFileError: none is.
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
    """Duplicates out (``without_duplicates``), then train, valid and test.

    FER+: test is what was released as FER2013Valid, valid 5 % of FER2013Train; FER2013Test is left out. AffectNet:
    test 20 %, valid 8 % of each class. CK+: test 25 subjects, valid 8. CelebA, which has no affect labels to report
    on: all train. Aff-Wild2, s-Aff-Wild2, AffectNet's npy release and RAF-DB: test is the part that was released
    beside train (the papers report on it), valid 10 % of train's subjects. EmotioNet, DISFA, BP4D, AFEW-VA
    and ExpW: test 20 %, valid 10 % of the subjects. The masked part of AffectNet: valid 4 %, the rest train.
    DiffusionFER: half valid, half test. Another set: as released, else as EmotioNet. Where subjects are unknown,
    pictures are drawn.
    """
    return SPLITS.get(name, by_subject)(without_duplicates(samples), seed)


def twins(samples: Iterable[Sample]) -> tuple[tuple[Sample, ...], ...]:
    """Groups of two or more samples of one face: files the same, byte for byte, and box; train copies first."""
    groups: dict[tuple[bytes, object], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sha256(read_bytes(sample)).digest(), sample.box].append(sample)
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
    gone: set[object] = set()
    for group in twins(samples):
        same_part = [s for s in group if s.part == group[0].part]
        stays = len({label_key(s) for s in same_part}) == 1
        gone |= {s.face for s in group[stays:]}
    return tuple(s for s in samples if s.face not in gone)
