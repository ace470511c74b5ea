"""Random people: a fixed face shape each, and the frequency of each attribute in their pictures (paper A, Table II)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.synthetic.attributes import ARCHED, MALE_TRAITS, YOUNG, male_score
from fbn.synthetic.parameters import Appearance, Hair, HairColour, Identity, Share

#: A person's frequencies vary around a row of the table as if estimated from this many pictures (fbn's choice).
_PICTURES = 30.0
#: Added to both parameters of that beta distribution, so that frequencies of 0 and 1 vary, too.
_PRIOR_COUNT = 0.15
#: Standard deviation of a person's traits, which are clipped to [-1, 1].
_TRAIT_SD = 0.38
#: First parameter of the beta distribution of habits; far below 1, so that most frequencies are close to 0 or 1.
_HABIT = 0.4
#: Men with a beard have only a moustache above this agedness.
_SHAVES_CHIN = 0.7
#: Gap between the two sides of the ``Male`` contrast, so that nobody is ambiguous.
_CONTRAST = 0.4
#: The columns of Table II that vary between pictures of a drawn person.
TABLED = ("5_o_Clock_Shadow", "Arched_Eyebrows", "Bald", "Bangs", "Wearing_Lipstick", "Young")


class Population(BaseModel):
    """The people of a data set.

    Attributes:
        people: their number; picture i shows person i mod ``people``.
        male: fraction of men.
        older: fraction of people who look old in every picture; for the others, the table's frequency of ``Young``.
        melanin: minimum and maximum.
        glasses: fraction of pictures with glasses.
        beard: fraction of men's pictures with a beard or a moustache, besides the table's stubble.
        make_up: factor on the table's frequency of lipstick.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    people: int = Field(default=200, ge=1)
    male: Share = 0.5
    older: Share = 0.2
    melanin: tuple[Share, Share] = (0.02, 0.9)
    glasses: Share = 0.1
    beard: Share = 0.2
    make_up: Share = 0.7


@cache
def identity_attributes() -> Mapping[str, Mapping[str, float]]:
    """Read paper A, Table II: identity -> attribute -> frequency in the identity's CelebA pictures, six by eleven."""
    text = (files("fbn") / "tables" / "identity_attributes.csv").read_text("utf-8")
    return {row.pop("identity"): {k: float(v) for k, v in row.items()} for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True)
class Person:
    """A random person.

    Attributes:
        subject: name of the person.
        identity: face shape; the arch of the brows varies between pictures.
        appearance: constant appearance: skin, eyes, colour and cut of the hair.
        propensities: ``TABLED``, ``"Eyeglasses"`` and ``"Beard"`` -> frequency in the person's pictures.
        agedness: relative age within the young or the old, in [0, 1].
    """

    subject: str
    identity: Identity
    appearance: Appearance
    propensities: Mapping[str, float]
    agedness: float

    def pictured(self, generator: np.random.Generator) -> tuple[Identity, Appearance]:
        """Draw the person's identity and appearance in one picture; each attribute occurs with its frequency."""
        draws, amount = generator.random(len(self.propensities)), generator.random(5).round(3).tolist()
        has = {name: bool(d < p) for (name, p), d in zip(self.propensities.items(), draws, strict=True)}
        young, old = has["Young"], self.agedness
        hair = self.appearance.hair
        if has["Bald"]:
            hair = Hair.BALD
        elif has["Bangs"]:
            hair = Hair.BANGS
        elif hair is Hair.SHORT and not young and old > 0.5 and male_score(self.identity) > 0:
            hair = Hair.RECEDING
        stubble = has["5_o_Clock_Shadow"] * (0.15 + 0.3 * amount[0])
        grown = has["Beard"] * (0.55 + 0.45 * amount[1])
        chin = 0.0 if old > _SHAVES_CHIN else grown
        painted = has["Wearing_Lipstick"]
        appearance = self.appearance.model_copy(
            update={
                "age": round(old * (YOUNG - 0.02) if young else YOUNG + old * (1 - YOUNG), 3),
                "hair": hair,
                "hair_colour": self.appearance.hair_colour if young or old < 0.4 else HairColour.GRAY,
                "beard": round(max(stubble, chin), 3),
                "moustache": round(max(0.6 * stubble, grown), 3),
                "glasses": round(has["Eyeglasses"] * (0.2 + 0.8 * amount[2]), 3),
                "lipstick": round(painted * (0.2 + 0.8 * amount[3]), 3),
                # most who wear lipstick wear more than that
                "make_up": round(painted * (0.25 + 0.75 * amount[3]), 3),
            }
        )
        arch = ARCHED + (0.6 * amount[4] if has["Arched_Eyebrows"] else -0.1 - 0.9 * amount[4])
        return self.identity.model_copy(update={"brow_arch": round(arch, 3)}), appearance


def draw_person(number: int, population: Population, generator: np.random.Generator) -> Person:
    """Draw person ``number`` of a population; ``generator`` must be seeded by the person."""
    draw = generator.random(10).tolist()
    traits = np.clip(_TRAIT_SD * generator.standard_normal(len(Identity.model_fields)), -1, 1).tolist()
    male = bool(draw[0] < population.male)
    identity = _unambiguous(dict(zip(Identity.model_fields, traits, strict=True)), male)
    rows = [row for row in identity_attributes().values() if row["Male"] == male]
    row = rows[int(draw[1] * len(rows))]
    propensities = {name: _scattered(row[name], generator) for name in TABLED}
    # in Table II men have no lipstick and women no stubble: these zeros are not varied
    propensities["5_o_Clock_Shadow"] *= male
    propensities["Wearing_Lipstick"] *= population.make_up * (not male)
    propensities["Young"] *= bool(draw[2] >= population.older)
    propensities["Eyeglasses"] = _habit(population.glasses, generator)
    propensities["Beard"] = _habit(population.beard, generator) * male
    low, high = population.melanin
    melanin = round(low + (high - low) * draw[3], 3)
    appearance = Appearance(
        melanin=melanin,
        redness=round(0.15 + 0.7 * draw[4], 3),
        iris=round(draw[5] * max(0.0, 1 - 1.8 * melanin), 3),
        hair=Hair.SHORT if draw[6] < (0.9 if male else 0.25) else Hair.LONG,
        hair_colour=_colour(melanin, draw[7]),
    )
    return Person(f"{number:04d}", identity, appearance, propensities, round(draw[8], 3))


def _scattered(mean: float, generator: np.random.Generator) -> float:
    return float(generator.beta(_PICTURES * mean + _PRIOR_COUNT, _PICTURES * (1 - mean) + _PRIOR_COUNT))


def _habit(mean: float, generator: np.random.Generator) -> float:
    """Draw a frequency with the given mean, close to 0 or 1 for most people."""
    clipped = min(max(mean, 1e-3), 1 - 1e-3)
    return float(generator.beta(_HABIT, _HABIT * (1 - clipped) / clipped)) if mean else 0.0


def _colour(melanin: float, draw: float) -> HairColour:
    dark = 0.15 + melanin
    if draw < dark:
        return HairColour.BLACK
    return HairColour.BROWN if draw < dark + 0.7 * (1 - dark) else HairColour.BLOND


def _unambiguous(traits: dict[str, float], male: bool) -> Identity:
    """Return the identity with its ``Male`` contrast on the given side, away from 0."""
    score = male_score(Identity.model_validate(traits))
    flip, step = (1 if (score > 0) == male else -1), (1 if male else -1) * _CONTRAST / len(MALE_TRAITS)
    moved = {name: min(max(flip * traits[name] + sign * step, -1.0), 1.0) for name, sign in MALE_TRAITS.items()}
    return Identity.model_validate({name: round(value, 3) for name, value in {**traits, **moved}.items()})
