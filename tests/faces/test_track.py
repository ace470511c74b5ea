"""Tracking in a made-up world, where the truth is known: ids, loss, return, cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn.faces.align import TEMPLATE
from fbn.faces.geometry import Box, Detection
from fbn.faces.track import Tracker

IMAGE = np.zeros((480, 640, 3), np.uint8)


def points_at(x: float, y: float, size: float = 80) -> np.ndarray:
    return ((TEMPLATE - 0.5) * size + (x, y)).astype(np.float32)


@dataclass
class World:
    """Faces at known places, and the two networks that see them."""

    faces: list[tuple[float, float]] = field(default_factory=list)
    detections: int = 0
    time: float = 0.0

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.detect, self.look, detect_every=15, search_every=5)

    def detect(self, image: np.ndarray, thorough: bool = False) -> list[Detection]:
        self.detections += 1
        return [Detection(Box(x - 40, y - 45, 80, 90), 0.9) for x, y in self.faces]

    def look(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Lands on the nearest face that is inside the box; without one, anywhere with low presence."""
        points, presence = [], []
        for box in boxes:
            x, y = box.x + box.w / 2, box.y + box.h / 2
            near = min(self.faces, key=lambda f: np.hypot(f[0] - x, f[1] - y), default=None)
            seen = near is not None and np.hypot(near[0] - x, near[1] - y) < 0.5 * box.w
            points.append(points_at(*(near if seen else (x, y))))
            presence.append(0.95 if seen else 0.1)
        return np.array(points, np.float32).reshape(-1, 5, 2), np.array(presence, np.float32)

    def step(self, *faces: tuple[float, float]) -> dict[int, tuple[float, float]]:
        """Take a frame with these faces: id -> centre."""
        self.faces = list(faces)
        tracks = self.tracker.step(IMAGE, self.time)
        self.time += 1 / 30
        return {t.face_id: (t.box.x + t.box.w / 2, t.box.y + t.box.h / 2) for t in tracks}


def at(found: tuple[float, float], expected: tuple[float, float]) -> bool:
    return np.hypot(found[0] - expected[0], found[1] - expected[1]) < 2


def test_a_face_keeps_its_id_and_place() -> None:
    world = World()
    for i in range(100):
        place = (100 + 4 * i, 200 + 50 * np.sin(i / 10))
        found = world.step(place)
        assert list(found) == [0]
        assert at(found[0], place)


@pytest.mark.parametrize("speed", [3, 6, 12])
def test_ids_survive_two_faces_crossing(speed: int) -> None:
    world = World()
    for i in range(400 // speed):
        front, back = (120 + speed * i, 240), (520 - speed * i, 236)
        hidden = abs(front[0] - back[0]) < 70
        found = world.step(front, *([] if hidden else [back]))
    assert set(found) == {0, 1}
    assert at(found[0], front)
    assert at(found[1], back)


def test_loss_is_noticed_in_the_same_frame() -> None:
    world = World()
    world.step((200, 200))
    assert world.step((200, 200))
    before = world.detections
    assert world.step() == {}
    assert world.detections == before + 1


def test_a_face_that_jumps_is_found_in_the_same_frame() -> None:
    world = World()
    world.step((150, 200))
    world.step((150, 200))
    found = world.step((500, 300))
    assert list(found) == [1]
    assert at(found[1], (500, 300))


@pytest.mark.parametrize(
    ("away", "place", "same"), [(0.6, (230, 200), True), (3.0, (200, 200), False), (0.6, (500, 300), False)]
)
def test_a_returning_face(away: float, place: tuple[float, float], same: bool) -> None:
    world = World()
    for _ in range(3):
        world.step((200, 200))
    for _ in range(round(away * 30)):
        world.step()
    for _ in range(6):
        found = world.step(place)
    assert list(found) == [0 if same else 1]


@pytest.mark.parametrize(("away", "same"), [(1.5, True), (600, True), (600, False)])
def test_a_face_moves_while_the_stream_stalls(away: float, same: bool) -> None:
    world = World()
    world.step((300, 200))
    world.time += away
    # by less than its width, or to the other side of the room
    moved = world.step((360, 200) if same else (560, 200))
    assert list(moved) == ([0] if same else [1])


def test_an_empty_room_is_cheap() -> None:
    world = World()
    for _ in range(100):
        world.step()
    assert world.detections == 20


def test_a_followed_face_is_cheap_and_a_second_one_is_noticed() -> None:
    world = World()
    for _ in range(90):
        world.step((200, 200))
    assert world.detections == 6
    for _ in range(15):
        found = world.step((200, 200), (450, 200))
    assert set(found) == {0, 1}


def test_a_second_look_does_not_double_a_face() -> None:
    world = World()
    for _ in range(40):
        assert list(world.step((200, 200))) == [0]


def test_two_detections_of_one_face_are_one_track() -> None:
    world = World()
    one, world.tracker.detector = world.detect, lambda image, thorough=False: one(image) + one(image)
    assert list(world.step((200, 200))) == [0]


@pytest.mark.parametrize("spoil", [lambda p: p * np.nan, lambda p: p * 0 + 100, lambda p: p + 5000])
def test_nonsense_landmarks_are_a_loss(spoil: Callable[[np.ndarray], np.ndarray]) -> None:
    world = World()
    world.step((200, 200))
    look = world.look
    world.tracker.landmarks = lambda *given: (spoil(look(*given)[0]), np.ones(len(given[1]), np.float32))
    assert world.step((200, 200)) == {}


def test_first_frame_is_searched_thoroughly_and_no_later_one() -> None:
    world, asked = World(), []
    world.tracker.detector = lambda image, thorough=False: asked.append(thorough) or []
    for _ in range(12):
        world.step()
    assert asked == [True, False, False]


@settings(max_examples=25)
@given(st.lists(st.lists(st.tuples(st.integers(0, 639), st.integers(0, 479)), max_size=4), max_size=12))
def test_ids_are_unique_and_never_reused_for_two(frames: list[list[tuple[int, int]]]) -> None:
    world = World()
    for faces in frames:
        tracks = world.step(*faces)
        assert len(tracks) <= len(faces)
        assert list(tracks) == sorted(tracks)
