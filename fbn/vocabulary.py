"""Vocabulary: expressions, action units, compound expressions, and the AUs that data sets annotate.

The order of labels in the last axis of tensors is defined here; all other code maps by name.
"""

from dataclasses import dataclass
from enum import StrEnum


class Expression(StrEnum):
    """The seven classes of papers A and C, in the order of the network's outputs."""

    NEUTRAL = "neutral"
    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPINESS = "happiness"
    SADNESS = "sadness"
    SURPRISE = "surprise"


@dataclass(frozen=True)
class ActionUnit:
    """One FACS action unit (Ekman & Friesen; muscles as in Ekman, Friesen & Hager 2002)."""

    number: int
    name: str
    muscle: str
    description: str

    @property
    def code(self) -> str:
        """Column name, e.g. ``AU06``."""
        return f"AU{self.number:02d}"

    @property
    def short(self) -> str:
        """Display name, e.g. ``AU6``."""
        return f"AU{self.number}"


_ALL_ACTION_UNITS = (
    ActionUnit(1, "Inner brow raiser", "Frontalis, pars medialis", "lifts the inner ends of the brows"),
    ActionUnit(2, "Outer brow raiser", "Frontalis, pars lateralis", "lifts the outer ends of the brows"),
    ActionUnit(
        4,
        "Brow lowerer",
        "Corrugator supercilii, depressor supercilii, procerus",
        "draws the brows down and together",
    ),
    ActionUnit(5, "Upper lid raiser", "Levator palpebrae superioris", "widens the eyes, more white above the iris"),
    ActionUnit(
        6,
        "Cheek raiser",
        "Orbicularis oculi, pars orbitalis",
        "lifts the cheeks, crow's feet beside the eyes",
    ),
    ActionUnit(
        7,
        "Lid tightener",
        "Orbicularis oculi, pars palpebralis",
        "narrows the eyes by tensing the lower lids",
    ),
    ActionUnit(
        9,
        "Nose wrinkler",
        "Levator labii superioris alaeque nasi",
        "wrinkles the sides and the root of the nose",
    ),
    ActionUnit(
        10,
        "Upper lip raiser",
        "Levator labii superioris",
        "lifts the middle of the upper lip, deepens the cheek fold",
    ),
    ActionUnit(11, "Nasolabial deepener", "Zygomaticus minor", "deepens the middle of the fold from nose to mouth"),
    ActionUnit(12, "Lip corner puller", "Zygomaticus major", "draws the mouth corners up and outwards"),
    ActionUnit(14, "Dimpler", "Buccinator", "tightens the mouth corners inwards, dimples"),
    ActionUnit(15, "Lip corner depressor", "Depressor anguli oris", "pulls the mouth corners down"),
    ActionUnit(17, "Chin raiser", "Mentalis", "pushes the chin boss and the lower lip up"),
    ActionUnit(20, "Lip stretcher", "Risorius with platysma", "stretches the mouth sideways"),
    ActionUnit(23, "Lip tightener", "Orbicularis oris", "narrows and tightens the red of the lips"),
    ActionUnit(24, "Lip pressor", "Orbicularis oris", "presses the lips together"),
    ActionUnit(
        25,
        "Lips part",
        "Depressor labii inferioris, or relaxed mentalis or orbicularis oris",
        "parts the lips",
    ),
    ActionUnit(26, "Jaw drop", "Relaxed masseter, temporal and internal pterygoid", "lets the jaw fall"),
)

#: By FACS number; includes AU11, which may be in relatedness tables but is not an output of the network.
ACTION_UNIT_BY_NUMBER: dict[int, ActionUnit] = {unit.number: unit for unit in _ALL_ACTION_UNITS}

EXPRESSIONS: tuple[Expression, ...] = tuple(Expression)
#: The 17 AUs of papers A and C, in the order of the network's outputs.
ACTION_UNITS: tuple[ActionUnit, ...] = tuple(unit for unit in _ALL_ACTION_UNITS if unit.number != 11)
AU_NUMBERS: tuple[int, ...] = tuple(unit.number for unit in ACTION_UNITS)
EXPRESSION_INDEX: dict[str, int] = {expression.value: i for i, expression in enumerate(EXPRESSIONS)}
AU_INDEX: dict[int, int] = {number: i for i, number in enumerate(AU_NUMBERS)}
#: Regions of the face from top to bottom, with their AUs; every AU is in one region.
REGIONS: dict[str, tuple[int, ...]] = {
    "Brows": (1, 2, 4),
    "Eyes": (5, 6, 7),
    "Nose and upper lip": (9, 10),
    "Mouth corners": (12, 14, 15, 20),
    "Lips": (23, 24, 25),
    "Chin and jaw": (17, 26),
}
#: An action unit is active if its label or probability is at least this value.
DECISION = 0.5


@dataclass(frozen=True)
class CompoundExpression:
    """A combination of two basic expressions (Du, Tao & Martinez 2014)."""

    name: str
    first: Expression
    second: Expression


_COMPONENTS = {
    "happily surprised": "happiness surprise",
    "happily disgusted": "happiness disgust",
    "sadly fearful": "sadness fear",
    "sadly angry": "sadness anger",
    "sadly surprised": "sadness surprise",
    "sadly disgusted": "sadness disgust",
    "fearfully angry": "fear anger",
    "fearfully surprised": "fear surprise",
    "fearfully disgusted": "fear disgust",
    "angrily surprised": "anger surprise",
    "angrily disgusted": "anger disgust",
    "disgustedly surprised": "disgust surprise",
    # components of these three are fbn's choice, for the zero-shot score alone
    "appalled": "disgust anger",
    "hatred": "disgust anger",
    "awed": "surprise fear",
}

COMPOUND_EXPRESSIONS: dict[str, CompoundExpression] = {
    name: CompoundExpression(name, *(Expression(part) for part in parts.split())) for name, parts in _COMPONENTS.items()
}

#: Compound expressions whose zero-shot score (in the papers) increases with positive valence.
POSITIVE_VALENCE_COMPOUNDS: tuple[str, ...] = ("happily surprised", "happily disgusted")

#: RAF-DB's eleven compound classes, in the order of its label codes 1 to 11.
COMPOUND_RAFDB: tuple[str, ...] = (
    "happily surprised",
    "happily disgusted",
    "sadly fearful",
    "sadly angry",
    "sadly surprised",
    "sadly disgusted",
    "fearfully angry",
    "fearfully surprised",
    "angrily surprised",
    "angrily disgusted",
    "disgustedly surprised",
)

#: EmotioNet's sixteen classes: six basic, ten compound.
CLASSES_EMOTIONET: tuple[str, ...] = (
    "happiness",
    "anger",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "appalled",
    "awed",
    "angrily disgusted",
    "angrily surprised",
    "fearfully angry",
    "fearfully surprised",
    "happily disgusted",
    "happily surprised",
    "sadly angry",
    "sadly disgusted",
)

_ATTRIBUTES = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry
Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
Wearing_Necktie Young
"""
#: The 40 attributes of CelebA (Liu et al. 2015), in the order of its file.
ATTRIBUTES: tuple[str, ...] = tuple(_ATTRIBUTES.split())

#: AUs that each data set annotates.
ACTION_UNITS_BY_DATASET: dict[str, tuple[int, ...]] = {
    "emotionet": (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26),
    "disfa": (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26),
    "bp4d": (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23),
    "bp4d+": (1, 4, 6, 7, 10, 12, 14, 15, 17, 23),
    "gft": (1, 2, 4, 6, 10, 12, 14, 15, 23, 24),
    "affwild2": (1, 2, 4, 6, 12, 15, 20, 25),
    "saffwild2": (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26),
}
