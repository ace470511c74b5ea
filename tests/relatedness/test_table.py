"""The table as a value: contents, derivation, files and their errors."""

import csv
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations
from fbn.relatedness import Change, Note, Provenance, RelatednessTable
from fbn.relatedness.formats import CATEGORIES, CODES
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, COMPOUND_EXPRESSIONS, COMPOUND_RAFDB, EXPRESSION_INDEX, EXPRESSIONS

DU = RelatednessTable.named("du2014")
SIX = [str(e) for e in EXPRESSIONS if e != "neutral"]

_weights = st.one_of(st.just(1.0), st.floats(0, 1, exclude_min=True))
_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_numbers = st.sampled_from([*CODES.values()])
_notes = st.builds(Note, _words, _words, _words).filter(lambda note: note != Note())


@st.composite
def _tables(draw) -> RelatednessTable:
    rows = draw(st.dictionaries(st.sampled_from(CATEGORIES[1:]), st.dictionaries(_numbers, _weights)))
    places = st.tuples(st.sampled_from(["neutral", *rows]), _numbers)
    provenance = draw(st.builds(Provenance, _words, _words, _words))
    return RelatednessTable.of(rows, provenance, draw(st.dictionaries(places, _notes, max_size=4)))


@pytest.mark.parametrize("name", RelatednessTable.names())
def test_every_built_in_table_covers_the_six_expressions(name: str) -> None:
    table = RelatednessTable.named(name)
    assert set(SIX) <= set(table.categories)
    assert all(table.row(category) for category in SIX)
    assert table.row("neutral") == {}
    assert len(table.provenance.source) > 20


def test_du_2014() -> None:
    assert DU.prototypical("fear") == (1, 4, 20, 25)
    assert DU.observational("sadness") == {1: 0.6, 6: 0.5, 11: 0.26, 17: 0.67}
    assert set(COMPOUND_EXPRESSIONS) <= set(DU.categories)
    assert DU.prototypical("awed") == (1, 2, 5, 25)
    assert set(AU_NUMBERS) - set(DU.support()) == {14}


def test_affwild2() -> None:
    table = RelatednessTable.named("affwild2")
    assert table.row("happiness") == {6: 0.57, 7: 0.83, 10: 0.63, 12: 0.82, 25: 0.7}
    assert table.prototypical("happiness") == ()
    # its smallest weight, 0.10, still counts where 0/1 is needed
    assert set(AU_NUMBERS) - set(table.support(binary=True)) == {14, 20, 23, 24}
    assert table.matrix(binary=True)[EXPRESSION_INDEX["sadness"], AU_INDEX[17]] == 1


def test_rafce() -> None:
    table = RelatednessTable.named("rafce")
    compounds = set(table.categories) - set(EXPRESSION_INDEX)
    # those of its 14 that fbn has a name for
    assert compounds == set(COMPOUND_RAFDB) | {"fearfully disgusted"}
    assert table.row("happily surprised")[26] == 0.719
    assert table.row("surprise")[5] == 0.416
    assert "RAF-CE" in table.provenance.source
    assert set(table.support(binary=True)) <= set(AU_NUMBERS)
    assert table.matrix(binary=True)[EXPRESSION_INDEX["anger"], AU_INDEX[4]] == 1


def test_unknown_names() -> None:
    with pytest.raises(MissingFileError, match="affwild2, du2014, rafce"):
        RelatednessTable.named("du2015")
    with pytest.raises(FormatError, match="'happily sad'"):
        DU.row("happily sad")


def test_matrix_skips_au11_and_follows_the_vocabulary() -> None:
    matrix = DU.matrix()
    assert matrix.shape == (7, 17)
    assert matrix[EXPRESSION_INDEX["happiness"]].nonzero().flatten().tolist() == [AU_INDEX[n] for n in (6, 12, 25)]
    assert matrix[EXPRESSION_INDEX["happiness"], AU_INDEX[6]].item() == pytest.approx(0.51)
    assert matrix[EXPRESSION_INDEX["sadness"]].sum().item() == pytest.approx(2 + 0.6 + 0.5 + 0.67)
    assert matrix[0].sum() == 0
    compound = DU.matrix(["awed"], binary=True)
    assert compound.shape == (1, 17)
    assert compound.sum() == 7


def test_binary_matrix_drops_small_weights() -> None:
    table = DU.edited("happiness", 14, 0.05)
    assert table.matrix()[EXPRESSION_INDEX["happiness"], AU_INDEX[14]].item() == pytest.approx(0.05)
    assert 14 in table.support()
    assert 14 not in table.support(binary=True)
    assert 14 in table.support(binary=True, min_weight=0.01)


def test_a_matrix_is_the_callers_own() -> None:
    DU.matrix().fill_(3)
    assert DU.matrix().max() == 1


def test_equality_is_of_content() -> None:
    rows = {c: DU.row(c) for c in reversed(DU.categories)}
    same = RelatednessTable.of(rows, Provenance("typed by hand"))
    assert same == DU
    assert hash(same) == hash(DU)
    assert DU.edited("happiness", 12, 0.9) != DU


def test_an_edit_is_a_new_table_that_says_so() -> None:
    edited = DU.edited("happiness", 12, 0.9, note="seen in the lab").edited("fear", 2, None)
    assert DU.row("happiness")[12] == 1
    assert DU.diff(edited) == (Change("fear", 2, 0.57, None), Change("happiness", 12, 1.0, 0.9))
    assert edited.provenance.parent == DU.provenance.source
    assert "happiness AU12: 1 -> 0.9 (seen in the lab); fear AU2: 0.57 -> none" in edited.provenance.note
    assert edited.edited("happiness", 12, 1).edited("fear", 2, 0.57) == DU


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        (("joy", 12, 0.5), "'joy'"),
        (("fear", 3, 0.5), "AU3"),
        (("fear", 1, 1.2), "fear, AU1 = 1.2"),
        (("fear", 1, float("nan")), "fear, AU1 = nan"),
        (("neutral", 1, 0.5), "neutral has no AU"),
    ],
)
def test_a_wrong_edit_is_named(cell: tuple, named: str) -> None:
    with pytest.raises(FormatError, match=named):
        DU.edited(*cell)


def test_restrict() -> None:
    table = DU.restrict(aus=(12, 25, 11), categories=("happiness", "sadness"))
    assert table.categories == ("neutral", "happiness", "sadness")
    assert table.row("happiness") == {12: 1, 25: 1}
    assert table.row("sadness") == {11: 0.26}
    assert "AUs 11 12 25 and categories happiness, sadness" in table.provenance.note
    with pytest.raises(FormatError, match="'anger'"):
        table.matrix()


def test_notes_stay_beside_their_cells() -> None:
    lab = Note("A. Coder", "lids never rose", "our 40 clips")
    noted = DU.annotated("fear", 5, lab).annotated("anger", 9, Note(who="B. Coder"))
    assert noted == DU
    assert noted.provenance == DU.provenance
    assert [place for place, _ in noted.notes] == [("anger", 9), ("fear", 5)]
    edited = noted.edited("fear", 5, None).edited("happiness", 12, 0.9)
    assert edited.note("fear", 5) == lab
    assert edited.note("fear", 4) == Note()
    assert edited.restrict(categories=["fear"]).notes == ((("fear", 5), lab),)
    assert edited.restrict(aus=[9]).notes == ((("anger", 9), Note("B. Coder")),)
    assert edited.annotated("fear", 5, None).annotated("anger", 9, Note()).notes == ()
    with pytest.raises(FormatError, match="joy, AU5: expected a row"):
        DU.annotated("joy", 5, lab)
    with pytest.raises(FormatError, match=r"fear, AU3: .* known AU"):
        DU.annotated("fear", 3, lab)


def test_a_sheet_has_notes_only_where_there_are_some(tmp_path) -> None:
    DU.write(tmp_path / "plain.csv")
    assert "cell notes" not in (tmp_path / "plain.csv").read_text("utf-8-sig")
    DU.annotated("fear", 5, Note(why='"no", he said; really, no')).write(tmp_path / "noted.csv")
    assert RelatednessTable.read(tmp_path / "noted.csv").note("fear", 5).why == '"no", he said; really, no'


def _both_labels() -> Annotations:
    """Happiness: AU12 active in 3 of 4, AU6 annotated in 2 and active in 1; sadness: AU4 in 1 of 1."""
    faces = [
        Annotations.of("happiness", {12: 1, 6: 1}),
        Annotations.of("happiness", {12: 1, 6: 0}),
        Annotations.of("happiness", {12: 1}),
        Annotations.of("happiness", {12: 0}),
        Annotations.of("sadness", {4: 1}),
        Annotations.of("neutral", {4: 1}),
        Annotations.of(action_units={12: 0, 6: 0, 4: 0}),
        Annotations.of("happiness"),
    ]
    return Annotations.stack(faces)


def test_infer_counts_images_with_both_labels() -> None:
    table = RelatednessTable.infer(_both_labels(), min_support=1, source="eight faces")
    assert table.row("happiness") == {12: 0.75, 6: 0.5}
    assert table.row("sadness") == {4: 1.0}
    assert table.row("neutral") == table.row("fear") == {}
    assert table.provenance.source == "eight faces"
    assert "6 images" in table.provenance.note


def test_infer_leaves_cells_without_support_empty() -> None:
    table = RelatednessTable.infer(_both_labels(), min_support=3)
    assert table.row("happiness") == {12: 0.75}
    assert table.row("sadness") == {}


def test_infer_reads_nothing_of_weight_0() -> None:
    labels = _both_labels()
    hidden = labels.action_units_weight == 0
    labels.action_units[hidden] = float("nan")
    labels.expression[labels.expression_weight == 0] = float("nan")
    assert RelatednessTable.infer(labels, 1).row("happiness") == {12: 0.75, 6: 0.5}


def test_infer_recovers_the_table_that_made_the_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    r = DU.matrix().repeat_interleave(4000, 0)
    labels = Annotations.empty(len(r))
    labels.expression.copy_(torch.eye(7).repeat_interleave(4000, 0))
    labels.expression_weight.fill_(1)
    labels.action_units.copy_(torch.bernoulli(r, generator=generator))
    labels.action_units_weight.fill_(1)
    assert (RelatednessTable.infer(labels).matrix() - DU.matrix()).abs().max() < 0.03


@pytest.mark.parametrize("suffix", ["csv", "json"])
@settings(max_examples=50)
@given(table=_tables())
def test_files_round_trip(tmp_path_factory: pytest.TempPathFactory, suffix: str, table: RelatednessTable) -> None:
    path = tmp_path_factory.mktemp("tables") / f"table.{suffix}"
    table.write(path)
    again = RelatednessTable.read(path)
    assert again == table
    assert again.provenance == table.provenance
    assert again.notes == table.notes
    assert [again.prototypical(c) for c in again.categories] == [table.prototypical(c) for c in table.categories]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_csv_is_a_plain_sheet(tmp_path) -> None:
    DU.write(tmp_path / "du.csv")
    raw = (tmp_path / "du.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcategory,AU01,AU02")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert [row["category"] for row in rows] == list(DU.categories)
    sadness = next(row for row in rows if row["category"] == "sadness")
    assert (sadness["AU11"], sadness["AU04"], sadness["AU14"]) == ("0.26", "1", "")


def test_a_sheet_saved_with_semicolons_and_decimal_commas_is_read(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("category;AU06;AU12;source\nhappiness;0,51;1;me\n", "utf-8")
    table = RelatednessTable.read(tmp_path / "t.csv")
    assert table.row("happiness") == {6: 0.51, 12: 1}
    assert table.provenance.source == "me"


@pytest.mark.parametrize(
    "content",
    [
        "Category\tau6\tAU 12\tSource\r\nHappiness\t0,51\t1\tme\r\n".encode("utf-16"),
        b'"category", "AU06", "AU12", "source"\n"happiness", "0,51", 1, "me"\n',
        b"sep=;\r\ncategory;AU06;AU12;source;;\r\nHAPPINESS;.51;1;me;;\r\n",
    ],
)
def test_a_sheet_as_people_save_it_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.CSV").write_bytes(content)
    table = RelatednessTable.read(tmp_path / "t.CSV")
    assert table.row("happiness") == {6: 0.51, 12: 1}
    assert table.provenance.source == "me"


def test_a_compound_row_may_be_spelled_as_folders_are(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("category,AU12\nHappily_Surprised,1\n", "utf-8")
    assert RelatednessTable.read(tmp_path / "t.csv").row("happily surprised") == {12: 1}


def test_lines_end_as_pandas_ends_them(tmp_path: Path) -> None:
    DU.write(tmp_path / "t.csv")
    assert b"\r" not in (tmp_path / "t.csv").read_bytes()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "line 1: expected a header"),
        ("name,AU01\nfear,1\n", "line 1: expected a header"),
        ("category,AU03\nfear,1\n", "line 1: unknown column or AU 'AU03'"),
        ("category,AU01,AU1\nfear,1,1\n", "line 1: .* twice"),
        ("category,AU01\njoy,1\n", "line 2: 'joy' is not a known category"),
        ("category,AU01\nfear,1\nfear,1\n", "line 3: 'fear' stands there twice"),
        ("category,AU01,AU02\nfear,1\n", r"line 2 \(fear\): 2 cells, expected 3"),
        ("category,AU01\nanger,\nfear,often\n", r"line 3: fear, AU1 = 'often': expected a weight in \[0, 1\]"),
        ("category,AU01\nfear,1.4\n", "line 2: fear, AU1 = '1.4'"),
        ("category,AU01\nfear,nan\n", "line 2: fear, AU1 = 'nan'"),
        ("category,AU01\nneutral,0.2\n", "neutral has no AU"),
        ("category,AU01,cell notes\nfear,1,why\n", "line 2, cell notes: expected JSON"),
        ("category,AU01,cell notes\nfear,1,[]\n", "line 2, cell notes, fear: expected an object of AU codes"),
        ('category,AU01,cell notes\nfear,1,"{""AU3"": {}}"\n', "line 2, cell notes, fear: unknown column or AU 'AU3'"),
        ('category,AU01,cell notes\nfear,1,"{""AU1"": 2}"\n', "line 2, cell notes, fear, AU1 = 2: expected an object"),
    ],
)
def test_csv_errors_name_file_line_and_cell(tmp_path, text: str, named: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(FormatError, match=named) as error:
        RelatednessTable.read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "expected JSON"),
        ("[]", "expected an object"),
        ('{"rows": {"fear": [1]}}', "rows, fear: expected an object"),
        ('{"rows": {"fear": {"AU99": 1}}}', "rows, fear: unknown column or AU 'AU99'"),
        ('{"rows": {"fear": {"AU01": "x"}}}', "fear, AU01 = 'x'"),
        ('{"rows": {"fear": {"AU01": true}}}', "fear, AU01 = True"),
        ('{"rows": {"joy": {}}}', "'joy'"),
        ('{"rows": {"fear": {"AU1": 1, "AU01": 0.5}}}', "rows, fear: .* AU1 stands there twice"),
        ('{"rows": {"fear": {"AU01": 1, "AU01": 0.5}}}', "AU01 stands there twice"),
        ('{"source": 3, "rows": {}}', "source = 3: expected a text"),
        ('{"rows": {}, "notes": [1]}', "notes: expected an object"),
        (
            '{"rows": {"fear": {}}, "notes": {"fear": {"AU01": {"whom": ""}}}}',
            "notes, fear, AU01 = .* who, why",
        ),
        ('{"rows": {}, "notes": {"fear": {"AU01": {"who": "me"}}}}', "note on fear, AU1: expected a row"),
    ],
)
def test_json_errors_name_file_and_cell(tmp_path, text: str, named: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(text, "utf-8")
    with pytest.raises(FormatError, match=named) as error:
        RelatednessTable.read(path)
    assert str(path) in str(error.value)


def test_provenance_that_is_null_is_empty(tmp_path) -> None:
    (tmp_path / "t.json").write_text('{"source": null, "rows": {"fear": {"AU01": 1}}}', "utf-8")
    assert RelatednessTable.read(tmp_path / "t.json").provenance == Provenance("")


@pytest.mark.parametrize("name", ["t.csv", "t.json"])
def test_a_missing_folder_to_write_in_is_named(tmp_path, name: str) -> None:
    with pytest.raises(MissingFileError, match=f"none/{name}: .*folder"):
        DU.write(tmp_path / "none" / name)


def test_other_files(tmp_path) -> None:
    with pytest.raises(MissingFileError, match="no such file"):
        RelatednessTable.read(tmp_path / "none.csv")
    with pytest.raises(FormatError, match=r"\.csv or \.json"):
        DU.write(tmp_path / "table.xlsx")
    (tmp_path / "latin.csv").write_bytes("category,AU01,note\nfear,1,é\n".encode("latin-1"))
    with pytest.raises(FormatError, match="UTF-8"):
        RelatednessTable.read(tmp_path / "latin.csv")
