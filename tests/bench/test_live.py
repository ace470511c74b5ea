import numpy as np
import pytest

from fbn.bench.live import BITS, FRAMES, HEIGHT, STAMP, WIDTH, figures, stamp
from fbn.errors import FbnError


@pytest.mark.parametrize("number", [0, 1, 90, FRAMES - 1])
@pytest.mark.parametrize("mirrored", [False, True])
def test_stamp_reads_the_same_in_a_mirror(number: int, mirrored: bool):
    frame = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    stamp(frame, number)
    seen = frame[:, ::-1] if mirrored else frame
    left, top, across, down = STAMP
    row = seen[round((top + down / 2) * HEIGHT)]
    cells = [row[round((left + across * (i + 0.5) / (2 * BITS)) * WIDTH), 0] > 127 for i in range(2 * BITS)]
    assert sum(1 << bit for bit in range(BITS) if cells[bit]) == number
    assert cells == cells[::-1]


def test_delay_is_from_a_frames_first_sight_at_the_camera_to_its_first_sight_in_the_video():
    camera = [[n % 256, 40.0 * n] for n in range(300)]
    # every second frame is dropped, the others are shown twice, 100 ms late
    video = [[n % 256, 40.0 * n + late] for n in range(0, 300, 2) for late in (100, 130)]
    found = figures(camera, video)
    assert found["median_ms"] == pytest.approx(100)
    assert found["p95_ms"] == pytest.approx(100)
    assert found["fps"] == pytest.approx(25, abs=0.2)
    assert found["distinct"] == pytest.approx(12.5, abs=0.2)


def test_unreadable_stamps_are_left_out():
    camera = [[n, 40.0 * n] for n in range(100)]
    video = [[None if n % 10 == 0 else n, 40.0 * n + 50] for n in range(100)]
    assert figures(camera, video)["median_ms"] == pytest.approx(50)


def test_a_video_that_never_came_is_an_error():
    with pytest.raises(FbnError, match="no processed video"):
        figures([[0, 0.0]], [])
    with pytest.raises(FbnError, match="could not be read"):
        figures([[n, 40.0 * n] for n in range(9)], [[None, 40.0 * n] for n in range(9)])
