"""A folder of the study ``faces`` of made-up runs: every figure is its base, an arm's gain and a seed's noise."""

from pathlib import Path
from typing import Any

from fbn.studies.faces import STUDY, FacesRequest
from fbn.studies.study import Arm
from tests.ui.studied import NOISE, write

CORE = ("single-identity", "single-attributes", "none", "match", "match-late")
#: Figure -> value of the uncoupled arm, and chance.
BASES = {
    "known/identity_accuracy": (0.45, 0.01),
    "known/identity_f1": (0.40, 0.0),
    "known/attribute_accuracy": (0.82, 0.79),
    "known/attribute_balanced": (0.70, 0.5),
    "known/attribute_f1": (0.55, 0.2),
    "known/attribute_auc": (0.80, 0.5),
    "known/implied_accuracy": (0.78, 0.79),
    "known/implied_balanced": (0.60, 0.5),
    "strangers/attribute_accuracy": (0.80, 0.79),
    "strangers/attribute_balanced": (0.66, 0.5),
    "strangers/attribute_f1": (0.50, 0.2),
    "strangers/attribute_auc": (0.75, 0.5),
}
#: Arm -> gain of the identity's figures, and of the attributes'.
GAINS = {
    "match": (0.1, 0.0),
    "match-late": (0.02, 0.1),
    "single-identity": (0.05, 0.0),
    "single-attributes": (0.0, 0.2),
}
#: Every arm's noise on a seed; the difference of two arms has that of both.
PLACES = {arm: place for place, arm in enumerate(CORE)}


def noise(arm: str, seed: int) -> float:
    return NOISE[(7 * PLACES.get(arm, 5) + 2 * seed) % 5] / 4


def value(arm: str, seed: int, key: str) -> float:
    gain = GAINS.get(arm, (0.0, 0.0))[not key.startswith("known/i")]
    return BASES[key][0] + gain + noise(arm, seed)


def make(folder: Path, **asked: Any) -> Path:
    """Write a finished study of made-up figures."""
    request = FacesRequest(**{"rows": CORE, "seeds": 5} | asked)

    def run(number: int, arm: Arm, seed: int) -> dict[str, Any]:
        tasks = arm.changes.get("tasks", ("identity", "attributes"))
        own = [key for key in BASES if ("identity" if key.startswith("known/i") else "attributes") in tasks]
        details = {
            f"{held_out}/{figure}": {"Eyeglasses": 0.9 + noise(arm.name, seed), "Wearing_Hat": 0.4}
            for held_out in ("known", "strangers")
            for figure in ("attribute_balanced", "attribute_f1")
        }
        return {
            "row": arm.name,
            "seed": seed,
            "figures": {key: value(arm.name, seed, key) for key in own},
            "chance": {key: BASES[key][1] for key in own},
            "details": details if "attributes" in tasks else {},
            "curves": {term: [2.0, 1.5] for term in (*tasks, *arm.terms)},
            "labelled": {"identity": 2600, "attributes": 26 * (request.attributes or 100)},
            "trained_on": ["known"],
            "steps": 600,
            "pictures": 48,
            "parameters": 700_000,
            "seconds": 33.0,
            "device": "cpu",
            "git_sha": "0123456",
            "date": "2026-01-02T03:04:05+00:00",
            "draws": {key: [value(arm.name, seed, key) + step for step in (-0.01, 0.0, 0.01)] for key in own},
        }

    return write(STUDY, request, folder, run)
