"""Tracking in a made-up world, where the truth is known: ids, loss, return, cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut, coffee

from fbn.faces.align import TEMPLATE
from fbn.faces.detect import CascadeDetector
from fbn.faces.geometry import Box, Detection
from fbn.faces.landmarks import default_network
from fbn.faces.track import Tracker
from fbn.relatedness import RelatednessTable
from fbn.synthetic.clips import Clip, draw_clip
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.render import render
from fbn.synthetic.world import World as DrawnWorld

IMAGE = np.zeros((480, 640, 3), np.uint8)


def points_at(x: float, y: float, size: float = 80) -> np.ndarray:
    return ((TEMPLATE - 0.5) * size + (x, y) - 0.5).astype(np.float32)  # a pixel's middle lies at an integer


@dataclass
class World:
    """Faces at known places, and the two networks that see them."""

    faces: list[tuple[float, float]] = field(default_factory=list)
    detections: int = 0
    time: float = 0.0

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.detect, self.look)

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

    def step(self, *faces: tuple[float, float], interval: float = 1 / 30) -> dict[int, tuple[float, float]]:
        """Take a frame with these faces, some seconds before the next: id -> centre."""
        self.faces = list(faces)
        tracks = self.tracker.step(IMAGE, self.time)
        self.time += interval
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
    # each fifth frame; the first in three turned copies as well
    assert world.detections == 20 + 3


def test_a_followed_face_is_cheap_and_a_second_one_is_noticed() -> None:
    world = World()
    for _ in range(90):
        world.step((200, 200))
    assert world.detections == 6
    for _ in range(15):
        found = world.step((200, 200), (450, 200))
    assert set(found) == {0, 1}


@pytest.mark.parametrize("rate", [240, 60, 30, 25, 12.5, 6, 5, 4, 3, 2.5, 1.5, 1, 0.2])
@pytest.mark.parametrize("alone", [1, 2, 3, 5, 8])
def test_a_new_person_is_found_within_half_a_second_at_any_frame_rate(rate: float, alone: int) -> None:
    world = World()
    for _ in range(alone):
        world.step((200, 200), interval=1 / rate)
    appeared = world.time
    while len(world.step((200, 200), (450, 200), interval=1 / rate)) < 2:
        assert world.time - appeared <= 0.5 + 1e-6


@pytest.mark.parametrize("interval", [0.0, float("nan")])
def test_without_timestamps_frames_are_counted(interval: float) -> None:
    world = World()
    for _ in range(45):
        world.step((200, 200), interval=interval)
    assert world.detections == 2
    for _ in range(30):
        found = world.step((200, 200), (450, 200), interval=interval)
    assert set(found) == {0, 1}


def test_a_stream_that_starts_again_is_searched() -> None:
    world = World(time=100.0)
    world.step((200, 200))
    world.time = 0.0
    assert len(world.step((200, 200), (450, 200))) == 2


@pytest.mark.parametrize(("interval", "limit"), [(1 / 30, 5), (1, 1), (10, 10)])
def test_a_small_face_beside_a_large_one_is_noticed(interval: float, limit: float) -> None:
    world = World()
    world.tracker.detector = lambda image, thorough=False: world.detect(image)[: None if thorough else 1]
    world.step((200, 200), interval=interval)
    while len(world.step((200, 200), (450, 200), interval=interval)) < 2:
        assert world.time <= limit + 1e-6


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


def test_first_frame_is_searched_thoroughly_and_the_next_are_not() -> None:
    world, asked = World(), []
    world.tracker.detector = lambda image, thorough=False: asked.append(thorough) or []
    for _ in range(12):
        world.step()
    # then its three turned copies, at less expense
    assert asked == [True, False, False, False, False, False]


@settings(max_examples=25)
@given(st.lists(st.lists(st.tuples(st.integers(0, 639), st.integers(0, 479)), max_size=4), max_size=12))
def test_ids_are_unique_and_never_reused_for_two(frames: list[list[tuple[int, int]]]) -> None:
    world = World()
    for faces in frames:
        tracks = world.step(*faces)
        assert len(tracks) <= len(faces)
        assert list(tracks) == sorted(tracks)


def new_tracker() -> Tracker:
    return Tracker(CascadeDetector(), default_network())


def photograph(turn: int = 0) -> np.ndarray:
    """The astronaut, turned counterclockwise by quarters."""
    return np.ascontiguousarray(np.rot90(astronaut()[:300, 40:440], turn))


def turned_points(points: np.ndarray, turn: int) -> np.ndarray:
    for side in (400, 300, 400)[:turn]:
        points = np.stack([points[:, 1], side - 1 - points[:, 0]], axis=1)
    return points


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_picture_is_read_upright(turn: int) -> None:
    (upright,) = new_tracker().step(photograph(), 0.0)
    assert upright.turned == 0
    tracker = new_tracker()
    for i in range(15):
        (face,) = tracker.step(photograph(turn), i / 10)
    assert face.face_id == 0
    assert face.turned == 360 - 90 * turn
    # the left eye of the upright picture stays the left eye
    expected = turned_points(upright.landmarks, turn)
    assert np.linalg.norm(face.landmarks - expected, axis=1).max() < 4
    assert np.hypot(*(expected.mean(0) - (face.box.x + face.box.w / 2, face.box.y + face.box.h / 2))) < face.box.w / 8
    assert face.expected.overlap(face.box) > 0.9


def test_a_video_turned_while_it_runs_is_read_upright_again_within_five_seconds() -> None:
    tracker, tracks, time = new_tracker(), [], 0.0
    for turn in (0, 2, 0):
        for _ in range(13):
            tracks = tracker.step(photograph(turn), time)
            time += 0.4
        assert [track.turned for track in tracks] == [90 * turn]


def test_nothing_is_seen_in_a_room_however_it_is_turned() -> None:
    for turn in range(4):
        assert new_tracker().step(np.ascontiguousarray(np.rot90(coffee(), turn)), 0.0) == []


def drawn(clip: Clip, time: float, brightness: float = 1.0) -> np.ndarray:
    image = np.full((240, 320, 3), 120, np.uint8)
    image[20:220, 60:260] = render(clip.frame(time).face, 200).image
    return (image * brightness).astype(np.uint8)


@pytest.fixture(scope="module")
def people() -> list[Clip]:
    """Three people who move, blink and change their expressions, all at the same place."""
    world = DrawnWorld(RelatednessTable.named("du2014"), 4, DOMAINS["affwild2"])
    return [draw_clip(world, number, 8.0) for number in range(3)]


@pytest.mark.parametrize("rate", [25, 5, 1])
def test_a_new_person_at_the_same_place_gets_a_new_id_and_nobody_else_does(people: list[Clip], rate: int) -> None:
    tracker, ids, frames = new_tracker(), [], 6
    for number, clip in enumerate(people):
        for i in range(frames):
            tracks = tracker.step(drawn(clip, i / rate), (number * frames + i) / rate)
            ids.append([track.face_id for track in tracks])
    assert ids == [[number] for number in range(3) for _ in range(frames)]


def test_a_change_of_light_is_no_new_person(people: list[Clip]) -> None:
    tracker = new_tracker()
    for i, brightness in enumerate((1, 0.5, 1, 0.3, 0.6, 1)):
        assert [track.face_id for track in tracker.step(drawn(people[0], i / 25, brightness), i / 25)] == [0]
