"""A world that is seen on video: its pictures are the frames of its clips."""

import json
from dataclasses import dataclass
from functools import lru_cache

from fbn.synthetic.clips import Clip, draw_clip
from fbn.synthetic.world import Truth, World


@dataclass(frozen=True)
class Filmed(World):
    """Picture i is frame ``i mod frames`` of clip ``i div frames``.

    Attributes:
        seconds: how long each clip is.
        rate: frames a second that are kept; the papers keep one of five.
    """

    seconds: float = 8.0
    rate: float = 6.0

    @property
    def frames(self) -> int:
        """Of each clip."""
        return int(self.seconds * self.rate)

    def who(self, index: int) -> int:
        """Number of the person that picture ``index`` shows: of its clip."""
        return super().who(index // self.frames)

    def draw(self, index: int) -> Truth:
        """Picture ``index``, 0 or more."""
        number, frame = divmod(index, self.frames)
        return _clip(self, number).frame(frame / self.rate)

    def to_json(self) -> str:
        """The world and how it is filmed."""
        film = {"seconds": self.seconds, "rate": self.rate}
        return json.dumps(json.loads(super().to_json()) | film, indent=1, ensure_ascii=False) + "\n"


@lru_cache(maxsize=4)
def _clip(world: Filmed, number: int) -> Clip:
    return draw_clip(world, number, world.seconds)
