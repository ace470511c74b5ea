"""A draft of a table: history, pasted blocks, rebasing, changes in words; and the workshop that holds drafts."""

import pytest

from fbn.errors import FormatError
from fbn.relatedness import Note, RelatednessTable
from fbn.relatedness.draft import Draft, describe_changes, rebase, summarise
from fbn.relatedness.workshop import Workshop

DU = RelatednessTable.named("du2014")


def draft() -> Draft:
    return Draft.of("du2014", DU, "built in")


def test_a_draft_steps_back_and_forth_and_selects_the_cell():
    first = draft().with_weight("fear", 5, 0.0)
    second = first.with_weight("anger", 9, 0.65)
    assert summarise(second.changes) == "anger AU9: none → .65; fear AU5: .63 → none"
    assert second.history.now.description == "anger AU9: none → .65"
    back = second.undo()
    assert (back.table, back.cell) == (first.table, ("anger", 9))
    assert back.undo().table == DU
    assert not back.undo().dirty
    assert back.undo().redo().redo().table == second.table
    assert back.with_weight("fear", 1, 0.5).redo().table.row("fear")[1] == 0.5


def test_no_step_without_a_change():
    assert draft().with_weight("fear", 5, 0.63).history == draft().history


def test_a_note_alone_is_a_step_and_undone():
    noted = draft().with_note("fear", 5, Note("me", "why", ""))
    assert noted.dirty
    assert not noted.changes
    assert noted.undo().table.note("fear", 5) == Note()


def test_an_impossible_weight_is_refused_with_its_cell():
    with pytest.raises(FormatError, match=r"fear, AU5 = 1\.5"):
        draft().with_weight("fear", 5, 1.5)
    with pytest.raises(FormatError, match="neutral"):
        draft().with_weight("neutral", 5, 0.5)


def test_a_pasted_block_is_one_step_and_refused_whole_with_the_cell_that_is_no_weight():
    pasted = draft().with_block({("fear", 5): "", ("fear", 9): " 1 ", ("anger", 11): "0,25", ("neutral", 5): ""})
    assert summarise(DU.diff(pasted.table)) == "anger AU11: none → .25; fear AU5: .63 → none; fear AU9: none → 1"
    assert pasted.history.now.description == "anger AU11: none → .25 and 2 more"
    assert pasted.undo().table == DU
    assert draft().with_block({("fear", 5): "0.63"}) == draft()
    with pytest.raises(FormatError, match="neutral"):
        draft().with_block({("neutral", 5): "0.5"})
    for typed in ("x", "70", "-0.1", "nan"):
        with pytest.raises(FormatError, match=r"fear, AU5 = .*: expected a weight from 0 to 1; it stays \.63"):
            draft().with_block({("fear", 5): typed})


def test_changes_are_made_again_on_a_newer_table():
    mine = DU.edited("fear", 5, None).edited("anger", 9, 0.65).annotated("fear", 1, Note("me"))
    theirs = DU.edited("anger", 9, 0.3).edited("sadness", 1, 1).edited("fear", 5, None)
    table, replaced = rebase(theirs, DU, mine)
    assert table == mine.edited("sadness", 1, 1)
    assert table.note("fear", 1) == Note("me")
    assert summarise(replaced) == "anger AU9: .30 → .65"


def test_changes_are_counted_in_words():
    after = DU.edited("fear", 5, None).edited("anger", 9, 0.65).edited("fear", 2, 0.8).edited("happiness", 6, 0.2)
    assert describe_changes(DU.diff(after)) == "**4 cells differ**: 1 added, 1 removed, 2 changed."
    assert describe_changes(()) == "The two are equal in every cell."


def test_a_draft_is_edited_also_while_another_table_is_open_and_one_that_is_gone_is_left():
    shop = Workshop().open_table("du2014").open_table("affwild2")
    shop = shop.edit("du2014", Draft.with_weight, "fear", 5, 0.2)
    assert shop.open == "affwild2"
    assert not shop.draft.dirty
    assert shop.drafts["du2014"].table.row("fear")[5] == 0.2
    assert shop.edit("gone", Draft.undo) is shop
