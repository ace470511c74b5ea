"""What ``fbn bench drawing`` reports."""

from fbn.bench import frames


def test_every_size_is_drawn_and_timed(monkeypatch):
    drawn: list[int] = []
    monkeypatch.setattr(frames, "render", lambda face, size: drawn.append(size))
    found = frames.drawing(12, sizes=(24, 48))
    assert drawn.count(24) == drawn.count(48) == 12 + 10
    assert {"labels", "picture, 24 px", "picture, 48 px"} < set(found)
    for figures in (found["labels"], found["picture, 48 px"]):
        assert 0 < figures["median_ms"] <= figures["p95_ms"]
        assert figures["per_second"] > 0
