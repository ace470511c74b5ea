"""The Relatedness page's logic without Streamlit: a draft's history, layouts, rebasing, words."""

import pytest

from fbn.errors import FormatError
from fbn.relatedness import Note, RelatednessTable
from fbn.relatedness.evidence import Relation, agreement, compare
from fbn.ui.relatedness import draft as logic
from fbn.ui.relatedness import marks, results, sheets
from fbn.ui.relatedness.draft import Draft
from tests.ui.evidence import seen

DU = RelatednessTable.named("du2014")
AFF = RelatednessTable.named("affwild2")


def draft() -> Draft:
    return Draft.of("du2014", DU, "built in")


def place(sheet: dict, category: str, short: str) -> dict | None:
    row = next(i for i, row in enumerate(sheet["rows"]) if row["name"] == category.capitalize())
    column = next(i for i, about in enumerate(sheet["columns"]) if about["code"] == short)
    assert sheets.cell_at(row, column)[1] == int(short[2:])
    return sheet["cells"].get(f"{row},{column}")


def test_a_draft_steps_back_and_forth_and_selects_the_cell():
    first = draft().with_weight("fear", 5, 0.0)
    second = first.with_weight("anger", 9, 0.65)
    assert [logic.changed(change) for change in second.changes] == ["anger AU9: none → .65", "fear AU5: .63 → none"]
    assert second.history.now.words == "anger AU9: none → .65"
    back = second.undo()
    assert (back.table, back.cell) == (first.table, ("anger", 9))
    assert back.undo().table == DU
    assert not back.undo().dirty
    assert back.undo().redo().redo().table == second.table
    assert back.with_weight("fear", 1, 0.5).redo().table.row("fear")[1] == 0.5


def test_no_step_without_a_change():
    assert draft().with_weight("fear", 5, 0.63).history == draft().history


def test_a_note_alone_is_a_step_and_undone():
    noted = draft().to(DU.annotated("fear", 5, Note("me", "why", "")), "note", ("fear", 5))
    assert noted.dirty
    assert not noted.changes
    assert noted.undo().table.note("fear", 5) == Note()


def test_an_impossible_weight_is_refused_with_its_cell():
    with pytest.raises(FormatError, match=r"fear, AU5 = 1\.5"):
        draft().with_weight("fear", 5, 1.5)
    with pytest.raises(FormatError, match="neutral"):
        draft().with_weight("neutral", 5, 0.5)


def test_the_spreadsheet_is_fed_anew_by_all_changes_but_its_own():
    clicked = draft().with_weight("fear", 5, 0.2)
    assert (clicked.turn, clicked.grid) == (1, clicked.table)
    typed = draft().to(clicked.table, "typed", ("fear", 5), typed=True)
    assert (typed.turn, typed.grid) == (0, DU)
    assert typed.undo().turn == 1
    assert typed.undo().grid == DU


def test_what_is_typed_into_the_spreadsheet_is_kept_emptied_or_refused_in_words():
    frame = sheets.grid(DU)
    row = list(frame.index).index("Fear")
    assert frame.loc["Fear", "AU5"] == 0.63
    table = sheets.gridded(DU, {row: {"AU5": None, "AU9": 1, "AU11": 0.25}})
    assert {logic.changed(change) for change in DU.diff(table)} == {
        "fear AU5: .63 → none",
        "fear AU9: none → 1",
        "fear AU11: none → .25",
    }
    with pytest.raises(FormatError, match="neutral"):
        sheets.gridded(DU, {0: {"AU5": 0.5}})
    for typed in ("x", 70, -0.1, float("nan")):
        with pytest.raises(FormatError, match=r"fear, AU5 = .*: expected a weight from 0 to 1; it stays \.63"):
            sheets.gridded(DU, {row: {"AU5": typed}})


def test_equal_cells_typed_again_are_no_change():
    row = list(sheets.grid(DU).index).index("Fear")
    assert sheets.gridded(DU, {row: {"AU5": 0.63}}) is DU


def test_the_sheet_tells_prototypical_from_observational_and_marks_changes_and_notes():
    table = DU.edited("fear", 5, None).annotated("fear", 1, Note("kim", "seen on video", "own data"))
    sheet = sheets.sheet(table, ("du2014", DU), ("fear", 5))
    assert place(sheet, "fear", "AU1") == {
        "text": "1",
        "kind": "one",
        "share": 1,
        "tip": "prototypical",
        "note": "kim · seen on video · own data",
    }
    assert place(sheet, "fear", "AU5") == {"was": ".63"}
    assert place(sheet, "sadness", "AU11")["kind"] == "part"
    assert place(sheet, "neutral", "AU1") is None
    assert sheets.cell_at(*sheet["at"]) == ("fear", 5)
    assert [len(sheet["rows"]), len(sheet["columns"])] == [22, 18]
    assert [row["name"] for row in sheet["rows"] if row["edge"]] == ["Happily surprised"]
    assert [column["code"] for column in sheet["columns"] if column["edge"]] == ["AU9"]
    assert [row["name"] for row in sheets.sheet(AFF, ("affwild2", AFF), ("fear", 5))["rows"] if row["there"]] == [
        c.capitalize() for c in AFF.categories
    ]


def test_a_selected_compound_out_of_sight_is_not_marked():
    assert sheets.sheet(DU, ("du2014", DU), ("awed", 1), compounds=False)["at"] is None


def test_a_comparison_has_a_sign_for_each_kind_of_change():
    after = DU.edited("fear", 5, None).edited("anger", 9, 0.65).edited("fear", 2, 0.8).edited("happiness", 6, 0.2)
    sheet = sheets.sheet_of_changes(DU, after)
    cells = [("fear", "AU5"), ("anger", "AU9"), ("fear", "AU2"), ("happiness", "AU6")]
    assert [place(sheet, *cell)["text"] for cell in cells] == ["−", "+.65", "↑.80", "↓.20"]
    assert len(sheet["cells"]) == 4
    assert logic.told(DU.diff(after)) == "**4 cells differ**: 1 added, 1 removed, 2 changed."
    assert logic.told(()) == "The two are equal in every cell."


def test_changes_are_made_again_on_a_newer_table():
    mine = DU.edited("fear", 5, None).edited("anger", 9, 0.65).annotated("fear", 1, Note("me"))
    theirs = DU.edited("anger", 9, 0.3).edited("sadness", 1, 1).edited("fear", 5, None)
    table, replaced = logic.rebased(theirs, DU, mine)
    assert table == mine.edited("sadness", 1, 1)
    assert table.note("fear", 1) == Note("me")
    assert [logic.changed(change) for change in replaced] == ["anger AU9: .30 → .65"]


def test_who_shares_an_au_the_strongest_first():
    shares = logic.sharing(AFF, 25)
    assert shares[0][1] == max(weight for _, weight in shares)
    assert {category for category, _ in shares} == {"anger", "disgust", "fear", "happiness", "surprise"}
    text = marks.share_bars((("fear", 1.0), ("anger", 0.4)), "anger")
    assert [text.count('class="fbn-bar fbn-one"'), text.count('class="fbn-bar fbn-part"')] == [1, 1]
    assert '<span class="fbn-here">Anger</span>' in text


def test_a_row_says_what_its_face_leaves_out():
    assert [unit.number for unit in logic.drawn(DU, "sadness")] == [1, 4, 6, 15, 17]
    assert logic.undrawn(DU, "sadness") == ("AU11 .26",)
    assert logic.drawn(AFF, "awed") == ()


def test_contradicted_cells_have_an_arrow_and_thin_ones_a_dot():
    counts = {("fear", 5): (0, 300), ("fear", 1): (290, 300), ("anger", 9): (200, 300), ("anger", 4): (3, 4)}
    evidence = seen(counts | {("sadness", 9): (0, 300)})
    sheet = sheets.sheet_of_findings(evidence, compare(evidence, DU))
    texts = [place(sheet, *cell)["text"] for cell in (("fear", "AU5"), ("fear", "AU1"), ("anger", "AU9"))]
    assert texts == ["↓.00", ".97", "↑.67"]
    assert place(sheet, "anger", "AU4")["kind"] == "thin"
    assert "0 of 300" in place(sheet, "fear", "AU5")["tip"]


def test_two_tables_side_by_side_show_who_names_a_cell():
    found = agreement(DU, AFF)
    sheet = sheets.sheet_of_agreement(found, ("du2014", "affwild2"))
    assert next(one for one in found if (one.category, one.au) == ("fear", 7)).relation == Relation.SECOND
    assert place(sheet, "fear", "AU7") == {
        "text": "◨",
        "kind": "second",
        "share": 0.57,
        "tip": "du2014 none, affwild2 .57",
    }


def paired(base: float, edited: float, low: float | None, high: float | None, seeds: int = 5) -> dict:
    difference = edited - base
    sd = None if low is None else 0.01
    return {
        "base": base,
        "edited": edited,
        "difference": difference,
        "sd": sd,
        "low": low,
        "high": high,
        "differences": [difference] * seeds,
    }


def result(changed_units: dict | None) -> dict:
    return {
        "comparison": {"names": ["du2014", "mine_2"]},
        "changed": [{"category": "fear", "action_unit": 5, "before": 0.63, "after": None}],
        "changed_units": changed_units,
        "tasks": {"accuracy": paired(0.5, 0.52, 0.01, 0.03)},
        "units": {"AU5": paired(0.4, 0.6, 0.1, 0.3), "AU12": paired(0.8, 0.8, -0.01, 0.01)},
        "cells": {"fear AU5": {"base": 0.61, "edited": 0.04, "true": 0.02}},
        "chance": {"accuracy": 0.2, "AU5": 0.3, "AU12": 0.4},
    }


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (
            paired(0.4, 0.6, 0.1, 0.3),
            "**is better**: mean F1 on the changed AUs (AU5) 0.400 → 0.600 (difference +0.200",
        ),
        (paired(0.6, 0.4, -0.3, -0.1), "**is worse**"),
        (paired(0.5, 0.6, -0.1, 0.3), "makes no difference that these runs can tell"),
        (paired(0.5, 0.6, None, None, 1), "one seed: no telling whether that is chance"),
        (None, "None of the changed AUs (AU5) was active often enough"),
    ],
)
def test_a_result_in_words(on: dict | None, said: str):
    assert said in results.sentence(result(on))


def test_a_result_as_figure_and_table():
    outcome = result(paired(0.4, 0.6, 0.1, 0.3))
    each, mean = results.differences(outcome)["data"]
    units = ["AU12 Lip corner puller", "AU5 Upper lid raiser"]
    assert mean["y"] == ["Expressions, accuracy", *units, "Changed AUs, mean F1"]
    assert mean["marker"]["symbol"] == ["circle", "circle", "diamond", "diamond"]
    assert mean["error_x"]["array"] == pytest.approx([0.01, 0.01, 0.1, 0.1])
    assert len(each["x"]) == 20
    table = results.figures(outcome).set_index("Figure")
    assert table.loc["Expressions, accuracy", "Chance"] == 0.2
    assert table.loc["AU5 Upper lid raiser", ["Base", "Edited", "Difference"]].tolist() == [0.4, 0.6, 0.2]


def test_a_changed_cell_in_words():
    said = "AU5 is seen in 61% of faces of fear with the base table, in 4% with the edited one; it is there in 2%."
    assert results.cells(result(None)) == [said]


def test_somebodys_words_are_not_taken_for_markdown():
    assert logic.plain("a_b *c* [x](y) :red[z] <b> $x$") == r"a\_b \*c\* \[x\]\(y\) \:red\[z\] \<b\> \$x\$"
