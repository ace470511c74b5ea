"""Everything but action units that the Face studio lets one turn: what it is called, its range, and where it goes."""

from dataclasses import dataclass
from typing import Any

from fbn.synthetic.parameters import Face, Identity


@dataclass(frozen=True)
class Knob:
    """One number of a face.

    Attributes:
        part, name: field of ``Face``, and field of that.
        label: what the page calls it.
        help: what its ends mean.
        low, high: range.
        place: which one of a pair; None for a single number.
        unit: behind the number, e.g. ``"°"``.
    """

    part: str
    name: str
    label: str
    help: str
    low: float = 0.0
    high: float = 1.0
    place: int | None = None
    unit: str = ""

    @property
    def key(self) -> str:
        """Unique among all knobs."""
        return ".".join(str(part) for part in (self.part, self.name, self.place) if part is not None)

    def of(self, face: Face) -> float:
        """Its value."""
        value = getattr(getattr(face, self.part), self.name)
        return float(value if self.place is None else value[self.place])

    def turned(self, face: Face, value: float) -> Face:
        """The face with another value."""
        if self.place is None:
            return put(face, self.part, self.name, value)
        pair = list(getattr(getattr(face, self.part), self.name))
        pair[self.place] = value
        return put(face, self.part, self.name, tuple(pair))


def put(face: Face, part: str, name: str, value: Any) -> Face:
    """The face with one field of one part changed."""
    changed = getattr(face, part).model_copy(update={name: value})
    return face.model_copy(update={part: changed})


_ENDS = "0 is average; −1 and 1 are as rare as can be."

SHAPE = tuple(
    Knob("identity", name, name.replace("_", " ").capitalize(), _ENDS, low=-1.0) for name in Identity.model_fields
)
LOOKS = (
    Knob("appearance", "melanin", "Skin colour", "Melanin: 0 palest, 1 darkest."),
    Knob("appearance", "redness", "Redness", "Blood under the skin: 0 sallow, 1 flushed."),
    Knob("appearance", "age", "Age", "Lines and sag that stay at rest: 0 young, 1 old."),
    Knob("appearance", "iris", "Eye colour", "0 dark brown, 1 light blue."),
    Knob("appearance", "beard", "Beard", "0 shaved, 0.3 stubble, 1 full."),
    Knob("appearance", "moustache", "Moustache", "0 none, 1 full."),
    Knob("appearance", "glasses", "Glasses", "0 none; above that, how thick the rim is."),
    Knob("appearance", "lipstick", "Lipstick", "0 none, 1 strong."),
    Knob("appearance", "make_up", "Eye make-up", "Shadow and lashes: 0 none, 1 strong."),
)
HEAD = (
    Knob("scene", "yaw", "Turn (yaw)", "Positive turns the nose to the picture's right.", -45.0, 45.0, unit="°"),
    Knob("scene", "pitch", "Nod (pitch)", "Positive lowers the nose.", -30.0, 30.0, unit="°"),
    Knob("scene", "roll", "Tilt (roll)", "Positive tilts clockwise in the picture.", -45.0, 45.0, unit="°"),
    Knob("scene", "gaze", "Gaze, sideways", "Of the eyes in the head; 1 is far to the picture's right.", -1.0, place=0),
    Knob("scene", "gaze", "Gaze, down", "Of the eyes in the head; 1 is as far down as eyes go.", -1.0, place=1),
    Knob("scene", "blink", "Blink", "0 open, 1 closed."),
)
LIGHT = (
    Knob("scene", "light", "Lamp, sideways", "Azimuth: negative from the left.", -90.0, 90.0, 0, "°"),
    Knob("scene", "light", "Lamp, height", "Elevation: negative from above.", -90.0, 90.0, 1, "°"),
    Knob("scene", "hardness", "Hardness", "0 light from everywhere, 1 one lamp alone."),
    Knob("scene", "warmth", "Warmth", "−1 bluish, 1 reddish.", -1.0),
)
CAMERA = (
    Knob(
        "camera", "zoom", "Zoom", "1 is as the network sees a face; below that, from further away.", 0.4, 1.6, unit="×"
    ),
    Knob("camera", "shift", "Shift, sideways", "In shares of the picture's side.", -0.5, 0.5, 0),
    Knob("camera", "shift", "Shift, down", "In shares of the picture's side.", -0.5, 0.5, 1),
    Knob("camera", "exposure", "Exposure", "−1 dark, 1 bright.", -1.0),
    Knob("camera", "blur", "Blur", "0 sharp, 1 strong."),
    Knob("camera", "noise", "Noise", "Grain of a poor sensor: 0 none, 1 strong."),
    Knob("camera", "compression", "Compression", "JPEG blocks: 0 none, 1 strong."),
)
KNOBS = (*SHAPE, *LOOKS, *HEAD, *LIGHT, *CAMERA)
