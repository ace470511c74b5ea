"""From one face to another and back, as frames and as a GIF file."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from fbn.synthetic.clips import Episode
from fbn.synthetic.parameters import Face

#: GIF counts in hundredths of a second; many viewers slow frames shorter than 0.02 s down.
RATE = 12.5


def frames(first: Face, last: Face, seconds: float, hold: float = 0.6, back: bool = True) -> list[tuple[Face, float]]:
    """Faces and how long each is shown, in seconds.

    The AUs alone move, from the first face's to the last one's, on the curve of ``clips.Episode``.

    Args:
        first: where it starts; its person, pose and light stay.
        last: whose AUs it goes to.
        seconds: of the way there, and of the way back.
        hold: how long each end stands.
        back: return to the first face, so that the clip can be looped without a jump.
    """
    rise = Episode("", last.action_units, 0.0, seconds, 1.0, seconds)
    steps = max(1, round(seconds * RATE))
    shares = [rise.envelope(seconds * i / steps) for i in range(steps + 1)]
    there = [_between(first, last, share) for share in shares]
    still = max(hold, 1 / RATE)
    path = [(there[0], still), *((face, 1 / RATE) for face in there[1:-1]), (there[-1], still)]
    return path + [(face, 1 / RATE) for face in reversed(there[1:-1])] if back else path


def _between(first: Face, last: Face, share: float) -> Face:
    units = ((1 - share) * first.intensities.astype(float) + share * last.intensities).clip(0, 1).round(4)
    return first.model_copy(update={"action_units": tuple((left, right) for left, right in units.tolist())})


def gif_bytes(images: Sequence[np.ndarray], seconds: Sequence[float]) -> bytes:
    """A looping GIF file of [H, W, 3] uint8 RGB pictures; one palette for all, so that colours do not flicker."""
    some = Image.fromarray(np.concatenate(images[:: max(1, len(images) // 8)]))
    palette = some.quantize(255, Image.Quantize.MEDIANCUT)
    reduced = [Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    file = BytesIO()
    reduced[0].save(
        file, "GIF", save_all=True, append_images=reduced[1:], duration=[round(1000 * s) for s in seconds], loop=0
    )
    return file.getvalue()
