"""Tables of people and attributes: counting, information, search, files, and tables of thousands of rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mutual_info_score

from fbn.data.identities import identities, identity_label
from fbn.errors import FormatError
from fbn.records import Annotations, Label, Sample
from fbn.relatedness import RelatednessTable, Versions
from fbn.relatedness.draft import Draft
from fbn.relatedness.notes import Note
from fbn.relatedness.people import DISTINCT, compare_people, count_people, find, information, weights
from fbn.relatedness.table import Provenance
from fbn.tasks import ATTRIBUTES, identity

LABELS = ATTRIBUTES.only("Male", "Young", "Eyeglasses")


def table_of(rows: dict[str, list[float]]) -> RelatednessTable:
    cells = {name: dict(zip(LABELS.labels, row, strict=True)) for name, row in rows.items()}
    return RelatednessTable.of(cells, Provenance("made"), rows=identity(rows), columns=LABELS)


SMALL = table_of({"2": [1, 0.5, 0], "10": [0, 0.75, 0.25], "ann": [0, 0, 1]})


def big_table(people: int = 10_177) -> RelatednessTable:
    values = np.random.default_rng(0).random((people, 40)).round(3)
    names = identity(str(i + 1) for i in range(people))
    rows = zip(names.labels, values.tolist(), strict=True)
    cells = {name: dict(zip(ATTRIBUTES.labels, row, strict=True)) for name, row in rows}
    return RelatednessTable.of(cells, Provenance("made"), rows=names, columns=ATTRIBUTES)


def test_counting_from_names_equals_counting_from_one_hot_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    value = (torch.rand(200, 3, generator=generator) > 0.5).float()
    weight = (torch.rand(200, 3, generator=generator) > 0.3).float()
    names = [str(i) for i in torch.randint(0, 12, (200,), generator=generator).tolist()]
    samples = [Sample("made", "", str(i), Annotations({}), subject=name) for i, name in enumerate(names)]
    people = identities(samples)
    labels = Annotations({LABELS: Label(value, weight), people: identity_label(samples, people)})
    expected = RelatednessTable.infer(labels, 4, rows=people, columns=LABELS)
    counted = count_people(names, value, weight, LABELS, 4)
    assert counted.categories == expected.categories
    torch.testing.assert_close(counted.matrix(), expected.matrix())
    with pytest.raises(FormatError, match="expected pictures with a person and attributes"):
        count_people(["", ""], value[:2], weight[:2], LABELS)


def test_information_of_a_column_is_mutual_information_with_the_identity() -> None:
    # ten pictures of each person, so that the weights are exact fractions
    frame = weights(table_of({"a": [1, 0.5, 0.1], "b": [0, 0.5, 0.9], "c": [0.2, 0.5, 0.3], "d": [0.7, 0.5, 0]}))
    bits = information(frame)
    who = np.repeat(np.arange(4), 10)
    for column in frame:
        seen = np.concatenate([np.arange(10) < round(10 * weight) for weight in frame[column]])
        assert bits[column].mean() == pytest.approx(mutual_info_score(who, seen) / np.log(2), abs=1e-6)
    assert bits["Young"].sum() == 0
    # an attribute that everybody has, or nobody
    same = information(pd.DataFrame({"Male": [1.0, 1.0], "Young": [0.0, 0.0]}, index=["a", "b"]))
    assert (same == 0).all(axis=None)


def test_search_sorts_by_weight_and_by_distinctness() -> None:
    frame = weights(SMALL)
    assert list(find(frame, "N").index) == ["ann"]
    assert list(find(frame, ".").index) == []
    assert list(find(frame, attribute="Young").index) == ["10", "2", "ann"]
    assert list(find(frame, attribute="Young", descending=False).index) == ["ann", "2", "10"]
    # by hand, in bits: "ann" .58 + .78 + 1.26, "2" 1.58 + .02 + .78, "10" .58 + .33 + .09
    assert list(find(frame, attribute=DISTINCT).index) == ["ann", "2", "10"]


def test_two_people_side_by_side() -> None:
    pair = compare_people(weights(SMALL), "2", "ann")
    assert list(pair.index) == ["Male", "Eyeglasses", "Young"]
    assert pair.loc["Young"].tolist() == [0.5, 0, pytest.approx(1.25 / 3)]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_files_keep_people_attributes_weights_and_notes(tmp_path, suffix: str) -> None:
    noted = SMALL.annotated("ann", "Eyeglasses", Note("me", "always", "seen")).edited("10", "Young", 0.125)
    noted.write(tmp_path / f"table{suffix}")
    read = RelatednessTable.read(tmp_path / f"table{suffix}")
    assert read == noted
    assert read.notes == noted.notes
    assert read.provenance == noted.provenance


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("identity,Male\n1,0.5\n1,0\n", "line 3: '1' stands there twice: expected the name or number of each person"),
        ("identity,Male\n,0.5\n", "line 2: '' is not a known category: expected the name or number of each person"),
        ("identity,Male,Young\n1,0.5,1.5\n", "line 2: 1, Young = '1.5': expected a weight in [0, 1]"),
        ("identity,Male,Male\n1,0.5,1\n", "line 1: expected each column once, but Male stands there twice"),
        ("identity,source\n1,me\n", 'line 1: expected the names of attributes after "identity"'),
        ("person,Male\n1,0.5\n", 'line 1: expected a header "category,AU01,..." or "identity,Male,..."'),
    ],
)
def test_errors_name_line_and_column(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(FormatError) as raised:
        RelatednessTable.read(path)
    assert message in str(raised.value)


def test_thousands_of_people_are_edited_saved_and_compared(tmp_path) -> None:
    table = big_table(2000)
    draft = Draft.of("big", table, "imported").with_weight("1999", "Young", 0.5)
    draft = draft.with_block({("7", "Male"): "1", ("8", "Male"): ""})
    assert {(c.category, c.action_unit, c.after) for c in draft.changes} == {
        ("1999", "Young", 0.5),
        ("7", "Male", 1.0),
        ("8", "Male", None),
    }
    # rows without an edit are shared, not copied
    shared = [new[1] is old[1] for new, old in zip(draft.table.cells, table.cells, strict=True)]
    assert shared.count(False) == 3
    assert draft.undo().undo().table == table
    saved = Versions(tmp_path)
    assert saved.save("big", draft.table, 0) == 1
    assert saved.load("big") == draft.table


def test_tables_of_different_people_are_compared() -> None:
    other = table_of({"2": [1, 0.5, 0], "bob": [1, 0, 0]})
    changes = {(change.category, change.action_unit): change.after for change in SMALL.diff(other)}
    assert changes[("bob", "Male")] == 1
    assert changes[("ann", "Eyeglasses")] is None
    assert ("2", "Male") not in changes
