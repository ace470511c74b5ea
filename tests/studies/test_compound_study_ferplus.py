"""FER+'s pairs of expressions, the proxy for compound ones: which pictures count, and from files to figures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbn.context import Context
from fbn.data.sources import ferplus, find
from fbn.errors import FormatError
from fbn.models import store
from fbn.models.zoo import facebehaviornet
from fbn.records import Annotations, Sample
from fbn.studies.compound_ferplus import HEADS, pairs, proxy, summary, two_expressions
from fbn.vocabulary import Expression
from tests.data.trees import ferplus as ferplus_tree
from tests.data.trees import write


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))


def tagged(votes: dict[str, int], path: str = "a.png", part: str = "test") -> Sample:
    labels = Annotations.of({name: float(n) for name, n in votes.items()})
    labels.expression_weight.fill_(sum(votes.values()) / 10)
    return Sample("ferplus", "", path, labels, part)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ({"fear": 5, "surprise": 3, "neutral": 2}, {"fear", "surprise"}),
        ({"fear": 3, "surprise": 3}, {"fear", "surprise"}),  # four on what is none of the seven
        ({"fear": 4, "surprise": 3, "neutral": 3}, set()),
        ({"fear": 7, "surprise": 2, "neutral": 1}, {"fear"}),
        ({"fear": 3, "surprise": 3, "anger": 3, "neutral": 1}, {"fear", "surprise", "anger"}),
        ({"neutral": 2, "happiness": 8}, {"happiness"}),
    ],
)
def test_two_expressions_are_counted_in_votes(votes: dict[str, int], expected: set[str]) -> None:
    assert two_expressions(tagged(votes)) == {Expression(name) for name in expected}


#: usage, number, votes (neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF)
TAGGED = [
    ("PublicTest", 1, "0,0,4,0,0,0,5,0,1,0"),  # fear and surprise, three times
    ("PublicTest", 2, "2,0,4,0,0,0,4,0,0,0"),
    ("PublicTest", 3, "0,0,3,0,0,0,7,0,0,0"),
    ("PublicTest", 4, "0,5,5,0,0,0,0,0,0,0"),  # happiness and surprise, twice; one is in train too
    ("PublicTest", 5, "0,5,5,0,0,0,0,0,0,0"),
    ("PublicTest", 6, "0,5,0,0,5,0,0,0,0,0"),  # nobody named it
    ("PublicTest", 7, "3,0,0,4,3,0,0,0,0,0"),  # neutral
    ("PublicTest", 8, "0,0,0,5,5,0,0,0,0,0"),  # rarer
    ("Training", 9, "0,0,5,0,0,0,5,0,0,0"),
    ("Training", 10, "0,5,5,0,0,0,0,0,0,0"),
    ("Training", 5, "0,6,4,0,0,0,0,0,0,0"),
]


def tree(root: Path, rows: Sequence[tuple[str, int, str]] = TAGGED) -> tuple[Path, dict[str, int]]:
    """A FER+ folder, and the number of each of its files; files of equal numbers are copies."""
    names = [f"fer{i:07d}.png" for i in range(len(rows))]
    lines = [f"{usage},{name},{votes}" for (usage, _, votes), name in zip(rows, names, strict=True)]
    files = ferplus_tree(lines)
    numbers = {path: rows[int(Path(path).stem[3:])][1] for path in files if path.endswith(".png")}
    first = {number: files[path] for path, number in reversed(numbers.items())}
    return write(root, files | {path: first[number] for path, number in numbers.items()}), numbers


def test_pairs_are_named_counted_and_without_copies(tmp_path: Path) -> None:
    root, number = tree(tmp_path / "ferplus")
    samples = ferplus.read(root).samples
    found = pairs(samples, 2)
    assert found.classes == ("fearfully surprised", "happily surprised")
    kept = {
        (number[sample.path], int(label), bool(test))
        for sample, label, test in zip(found.samples, found.labels, found.test, strict=True)
    }
    tested = {(1, 0, True), (2, 0, True), (3, 0, True), (4, 1, True)}
    assert kept == tested | {(9, 0, False), (10, 1, False), (5, 1, False)}
    assert found.left_out == {"copies": 1, "pairs without a name": 1, "rarer pairs": 1}
    with pytest.raises(FormatError, match="3 pairs of expressions in FER2013Valid, expected 4"):
        pairs(samples, 4)


def test_the_proxy_from_files_to_figures(tmp_path: Path) -> None:
    two = ((2, 6), (1, 2), (2, 4), (3, 4), (3, 6), (4, 5))
    rows = []
    for number in range(36):
        votes = ["5" if i in two[number % 6] else "0" for i in range(10)]
        rows.append(("PublicTest" if number < 18 else "Training", number, ",".join(votes)))
    tree(tmp_path / "ferplus", rows)
    small: dict[str, Any] = {"widths": (8, 8), "blocks": (1, 1)}
    network = facebehaviornet(**small)
    store.save(tmp_path / "net", network, name="net", zoo="facebehaviornet", arguments=small)
    said: list[float] = []
    context = Context(tmp_path / "out", lambda share, words: said.append(share))
    found = proxy(tmp_path, str(tmp_path / "net"), draws=2, rounds=10, context=context)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["classes"]) == {
        *("fearfully surprised", "happily surprised", "angrily surprised"),
        *("sadly angry", "sadly fearful", "angrily disgusted"),
    }
    assert all(each == {"train": 3, "test": 3} for each in found["classes"].values())
    assert found["chance"] == {"top1": pytest.approx(1 / 6), "mean_diagonal": pytest.approx(1 / 6)}
    assert np.sum(found["zero_shot"]["confusion"]) == 18
    assert found["zero_shot"]["figures"]["top1_over_zero_shot"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert set(found["few_shot"]) == set(HEADS)
    for places in found["few_shot"].values():
        assert [list(points) for points in places.values()] == [["1", "2", "5", "10", "20", "all"]] * 2
        own = places["from FER2013Train"]["all"]
        difference = own["top1"]["value"] - found["zero_shot"]["figures"]["top1"]["value"]
        assert own["top1_over_zero_shot"]["value"] == pytest.approx(difference, abs=1e-12)
    assert said == sorted(said)


def test_figures_of_several_draws_by_hand() -> None:
    truth, base = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    found = summary([np.array([0, 0, 0, 0]), np.array([0, 0, 1, 1])], truth, base, 50)
    assert found["top1"]["value"] == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert found["mean_diagonal"]["value"] == pytest.approx((1 / 2 + (2 / 3 + 1) / 2) / 2)
    assert found["mean_diagonal_over_zero_shot"]["value"] == pytest.approx(2 / 3 - 2 / 3)
    assert found["top1"]["low"] < found["top1"]["value"] < found["top1"]["high"]


@pytest.mark.data
def test_the_six_largest_pairs_are_those_of_the_plan(data_root: Path) -> None:
    found = pairs(ferplus.read(find(data_root, ferplus.NAME)).samples)
    tested = np.bincount(found.labels[found.test])
    assert dict(zip(found.classes, tested.tolist(), strict=True)) == {
        "fearfully surprised": 51,
        "happily surprised": 45,
        "angrily disgusted": 22,
        "angrily surprised": 21,
        "sadly angry": 20,
        "sadly fearful": 12,
    }
    assert found.left_out == {"copies": 26, "pairs without a name": 17, "rarer pairs": 17}
