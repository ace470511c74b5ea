"""The Relatedness page's heatmap layouts, bars and results."""

import pytest

from fbn.relatedness import Note, RelatednessTable
from fbn.relatedness.evidence import Relation, agreement, compare
from fbn.ui.relatedness import heatmap as sheets
from fbn.ui.relatedness import training as results
from fbn.ui.relatedness.page import share_bars
from fbn.ui.widgets import escape_markdown
from tests.ui.evidence import seen

DU = RelatednessTable.named("du2014")
AFF = RelatednessTable.named("affwild2")


def place(sheet: dict, category: str, short: str) -> dict | None:
    row = next(i for i, row in enumerate(sheet["rows"]) if row["name"] == category.capitalize())
    column = next(i for i, about in enumerate(sheet["columns"]) if about["code"] == short)
    assert sheets.cell_at(row, column)[1] == int(short[2:])
    return sheet["cells"].get(f"{row},{column}")


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


def test_who_shares_an_au_the_strongest_first():
    text = share_bars(AFF.edited("fear", 25, 1), 25, "anger")
    assert text.startswith('<div class="fbn-share"><span>Fear</span><i class="fbn-one"')
    assert text.count("<i ") == 5
    assert text.count("fbn-one") == 1
    assert "<b>Anger</b>" in text
    assert share_bars(AFF, 14, "anger") == ""


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
        "tip": "du2014 none, affwild2 .57",
    }
    assert {"kind": "second", "text": "◨", "meaning": "in affwild2 only"} in sheet["legend"]


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
    figure = results.differences(outcome)
    bold = ["<b>Changed AUs, mean F1</b>", "<b>AU5 Upper lid raiser</b>"]
    assert list(figure.layout.yaxis.ticktext) == [*bold, "AU12 Lip corner puller", "Expressions, accuracy"]
    better, unknown, seeds = figure.data
    assert (better.name.partition(",")[0], list(better.y)) == ("better", [0, 1, 3])
    assert better.error_x.array == pytest.approx([0.1, 0.1, 0.01])
    assert list(unknown.y) == [2]
    assert len(seeds.x) == 20
    # one seed has no interval
    assert results.differences(result(paired(0.4, 0.6, None, None, 1))).data
    table = results.figures(outcome).set_index("Figure")
    assert table.loc["Expressions, accuracy", "Chance"] == 0.2
    assert table.loc["AU5 Upper lid raiser", ["Base", "Edited", "Difference"]].tolist() == [0.4, 0.6, 0.2]


def test_a_changed_cell_in_words():
    said = "AU5 is seen in 61% of faces of fear with the base table, in 4% with the edited one; it is there in 2%."
    assert results.cells(result(None)) == [said]


def test_somebodys_words_are_not_taken_for_markdown():
    assert escape_markdown("a_b *c* [x](y) :red[z] <b> $x$") == r"a\_b \*c\* \[x\]\(y\) \:red\[z\] \<b\> \$x\$"
