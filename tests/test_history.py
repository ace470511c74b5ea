"""Undo and redo."""

from fbn.history import History


def test_it_goes_back_and_forth():
    history = History(1).to(2).to(3)
    assert history.to(3) is history
    back = history.undo().undo()
    assert (back.now, back.undo()) == (1, back)
    assert back.redo().redo() == history
    assert back.to(3).redo().now == 3
    assert not back.to(3).future


def test_it_forgets_the_oldest():
    history = History(0)
    for i in range(1, 300):
        history = history.to(i)
    assert (len(history.past), history.past[0]) == (200, 99)
