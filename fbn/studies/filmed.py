"""A world of video: its pictures are the frames of drawn clips."""

import json
from dataclasses import dataclass
from functools import lru_cache

from fbn.synthetic.clips import Clip, draw_clip
from fbn.synthetic.world import Truth, World


@dataclass(frozen=True)
class Filmed(World):
    """A world whose picture i is frame ``i mod frames`` of clip ``i div frames``.

    Attributes:
        seconds: duration of each clip.
        rate: frames per second; the papers use every fifth frame.
    """

    seconds: float = 8.0
    rate: float = 6.0

    @property
    def frames(self) -> int:
        """Number of frames of each clip."""
        return int(self.seconds * self.rate)

    def who(self, index: int) -> int:
        """Return the number of the person in picture ``index``, that of its clip."""
        return super().who(index // self.frames)

    def draw(self, index: int) -> Truth:
        """Draw picture ``index``, 0 or more."""
        number, frame = divmod(index, self.frames)
        return _clip(self, number).frame(frame / self.rate)

    def to_json(self) -> str:
        """Return the world with duration and frame rate as JSON."""
        film = {"seconds": self.seconds, "rate": self.rate}
        return json.dumps(json.loads(super().to_json()) | film, indent=1, ensure_ascii=False) + "\n"


@lru_cache(maxsize=4)
def _clip(world: Filmed, number: int) -> Clip:
    return draw_clip(world, number, world.seconds)
