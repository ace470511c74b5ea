"""What ``fbn bench people`` reports."""

from fbn.bench.people import people


def test_every_step_is_timed():
    found = people(5, 30)
    assert (found["people"], found["attributes"], found["pictures"]) == (5, 40, 30)
    steps = {"count", "edit", "save", "load", "write_csv", "read_csv", "search", "information"}
    assert steps < set(found)
    assert all(found[step] >= 0 for step in steps)
