"""A clip for a fake webcam: a moving face, each frame stamped with its number in black and white cells.

The stamp survives video coding and scaling, and is symmetric under mirroring. It identifies the camera's frame in the
processed video, so that latency and distinct frames can be measured in the browser.
"""

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, RATE = 640, 480, 30
#: The stamp: number of bits, and its rectangle (left, top, width, height) as fractions of the frame.
BITS, STAMP = 8, (0.25, 0.94, 0.5, 0.06)
FRAMES = 2**BITS


def write_clip(path: Path, stamped: bool = True) -> Path:
    """Write 256 frames of scikit-image's astronaut, slowly moving, as motion JPEG at 30 frames per second.

    Args:
        path: ends in ``.mjpeg``, for Chromium's ``--use-file-for-fake-video-capture``.
        stamped: stamp each frame with its number.
    """
    from skimage.data import astronaut

    picture = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
    with path.open("wb") as file:
        for number in range(FRAMES):
            turn = 2 * np.pi * number / FRAMES  # whole turns: the clip loops without a jump
            scale = 1.0 + 0.08 * np.sin(turn)
            # the face's centre, about (224, 110) in the picture, moves around the frame's centre
            centre = (WIDTH / 2 + 45 * np.sin(2 * turn), 215 + 20 * np.cos(turn))
            matrix = np.array([[scale, 0, centre[0] - scale * 224], [0, scale, centre[1] - scale * 110]])
            frame = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            if stamped:
                stamp(frame, number)
            file.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


def stamp(frame: np.ndarray, number: int) -> None:
    """Stamp ``number`` into [H, W, 3] in place: its bits from the outside to the middle, mirrored on both sides."""
    height, width = frame.shape[:2]
    left, top, across, down = STAMP
    cell = across * width / (2 * BITS)
    for bit in range(BITS):
        value = 255 if number >> bit & 1 else 0
        for position in (bit, 2 * BITS - 1 - bit):
            x0, x1 = (round(left * width + cell * (position + side)) for side in (0, 1))
            frame[round(top * height) : round((top + down) * height), x0:x1] = value
