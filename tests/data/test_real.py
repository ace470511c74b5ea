"""The adapters on the real sets, against their published counts."""

from collections import Counter
from pathlib import Path

import pytest

from fbn.data.corpus import Corpus, load_corpus, twins
from fbn.data.pictures import list_files, read_picture
from fbn.data.sources import SOURCES, find
from fbn.data.splits import CKPLUS_POSITIVES, PARTS, positive_sequences
from fbn.tasks import ATTRIBUTES
from fbn.vocabulary import AU_NUMBERS, EXPRESSIONS

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def corpus(data_root: Path) -> Corpus:
    return load_corpus(data_root)


def read(data_root: Path, name: str, **options: str):
    return SOURCES[name](find(data_root, name), **options)


def test_ferplus(data_root: Path):
    reading = read(data_root, "ferplus", targets="majority")
    files = Counter(path.split("/")[0] for path in list_files(find(data_root, "ferplus")))
    assert (files["FER2013Train"], files["FER2013Valid"]) == (28_558, 3_579)
    reasons = Counter(r.reason for r in reading.rejected)
    assert reasons["no image name"] == 158
    named = [r for r in reading.rejected if r.reason not in ("no image name", "listed before, same votes")]
    assert len(reading.samples) + len(named) == 28_558 + 3_579
    train = Counter(EXPRESSIONS[int(s.annotations.expression.argmax())] for s in reading.samples if s.part == "train")
    # two neutral rows and one sad one are listed twice; one angry row has nine votes
    expected = {"neutral": 9_365 - 2, "happiness": 7_410, "sadness": 3_403 - 1, "surprise": 3_378, "anger": 2_399 - 1}
    assert train == expected | {"fear": 648, "disgust": 175}


def test_ferplus_twins(data_root: Path, corpus: Corpus):
    groups = twins(read(data_root, "ferplus").samples)
    copies = sum(s.part == "test" for group in groups if group[0].part == "train" for s in group)
    # of the 279 pictures of FER2013Valid that FER2013Train holds too, seven have no expression by their votes
    assert copies == 272
    kept = {s.path for part in PARTS for s in corpus.samples[part]}
    assert max(sum(s.path in kept for s in group) for group in groups) == 1


def test_affectnet(data_root: Path, corpus: Corpus):
    reading = read(data_root, "affectnet")
    assert (len(reading.samples), len(reading.rejected)) == (2_999, 0)
    assert sum(bool(s.annotations.valence_arousal_weight) for s in reading.samples) == 2_999
    classes = Counter(
        EXPRESSIONS[int(s.annotations.expression.argmax())] if s.annotations.expression_weight else "contempt"
        for s in reading.samples
    )
    assert classes == {**dict.fromkeys(EXPRESSIONS, 375), "contempt": 374}
    assert [len(group) for group in twins(reading.samples)] == [2, 2]
    counts = [sum(s.dataset == "affectnet" for s in corpus.samples[part]) for part in PARTS]
    assert counts == [2_155, 240, 600]
    assert sum(counts) == 2_999 - 4


def test_ckplus(data_root: Path, corpus: Corpus):
    samples = read(data_root, "ckplus").samples
    onsets = [s for s in samples if not s.annotations.action_units.any() and s.annotations.expression[0] == 1]
    assert (len(samples) - len(onsets), len(onsets)) == (642, 389)
    assert len({s.subject for s in samples}) == 83
    assert not twins(samples)
    subjects = [{s.subject for s in corpus.samples[part] if s.dataset == "ckplus"} for part in PARTS]
    assert [len(own) for own in subjects] == [50, 8, 25]
    assert len(set().union(*subjects)) == 83
    test = positive_sequences(s for s in corpus.samples["test"] if s.dataset == "ckplus")
    # AU10 stands in 12 of the 214 sequences: 4 of them fall to the 25 test subjects
    assert {n for n, count in zip(AU_NUMBERS, test, strict=True) if count < CKPLUS_POSITIVES} == {10}


def test_celeba(data_root: Path):
    samples = read(data_root, "celeba").samples
    assert (len(samples), len({s.subject for s in samples})) == (4_593, 205)
    assert {float(s.annotations[ATTRIBUTES].weight.sum()) for s in samples} == {40}


def test_affectnet_masked(data_root: Path, corpus: Corpus):
    reading = read(data_root, "affectnet-train-masked")
    assert (len(reading.samples), len(reading.rejected)) == (29_232, 0)
    classes = Counter(EXPRESSIONS[int(s.annotations.expression.argmax())] for s in reading.samples)
    assert classes == {
        "neutral": 4_449,
        "happiness": 4_578,
        "sadness": 4_197,
        "surprise": 4_469,
        "fear": 4_089,
        "disgust": 3_230,
        "anger": 4_220,
    }
    assert not twins(reading.samples)
    counts = [sum(s.dataset == "affectnet-train-masked" for s in corpus.samples[part]) for part in PARTS]
    assert counts == [28_063, 1_169, 0]


def test_expw(data_root: Path, corpus: Corpus):
    reading = read(data_root, "expw")
    assert (len(reading.samples), len(reading.rejected)) == (5_544, 0)
    assert len({s.path for s in reading.samples}) == 5_408
    classes = Counter(EXPRESSIONS[int(s.annotations.expression.argmax())] for s in reading.samples)
    assert min(classes.values()) == 775
    assert max(classes.values()) == 802
    pictures = [{s.path for s in corpus.samples[part] if s.dataset == "expw"} for part in PARTS]
    assert sum(map(len, pictures)) == len(set().union(*pictures))
    assert [sum(s.dataset == "expw" for s in corpus.samples[part]) for part in PARTS] == [3_873, 550, 1_118]


def test_diffusionfer(data_root: Path, corpus: Corpus):
    reading = read(data_root, "diffusionfer")
    assert (len(reading.samples), len(reading.rejected)) == (1_285, 0)
    assert all(s.annotations.valence_arousal_weight for s in reading.samples)
    counts = [sum(s.dataset == "diffusionfer" for s in corpus.samples[part]) for part in PARTS]
    assert counts == [0, 643, 642]


def test_pictures(corpus: Corpus):
    shapes = {"ferplus": (48, 48, 3), "affectnet": (224, 224, 3), "ckplus": (48, 48, 3), "celeba": (218, 178, 3)}
    shapes |= {"affectnet-train-masked": (112, 112, 3), "diffusionfer": (144, 144, 3)}
    for part in PARTS:
        for sample in corpus.samples[part][::97]:
            shape = read_picture(sample).shape
            assert shape == shapes.get(sample.dataset, shape)
            assert max(shape) <= 288
