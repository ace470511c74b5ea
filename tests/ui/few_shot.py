"""A few-shot result as ``fbn.fewshot.request.Result`` says it is."""

from typing import Any

CLASSES = ["happily surprised", "sadly angry", "awed"]


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def result(**changes: Any) -> dict[str, Any]:
    """Better than zero-shot, beyond chance; the third class was not measured."""
    sides = {
        side: {
            name: figure(value, value - 0.1, value + 0.1) for name in ("mean_diagonal", "macro_f1", "uar", "accuracy")
        }
        for side, value in (("figures", 0.75), ("zero_shot", 0.5))
    }
    points = [(0, 0.5, 0.0), (5, 0.6, 0.1), (None, 0.75, 0.25)]
    wrong = {"true": CLASSES[0], "said": CLASSES[1], "probability": 0.8, "own": 0.15, "crop": None, "activation": None}
    return {
        "date": "2026-01-02",
        "asked": {},
        "data": "mine",
        "set": "mine",
        "classes": CLASSES,
        "known": [True, True, True],
        "counts": {CLASSES[0]: 4, CLASSES[1]: 4, CLASSES[2]: 1},
        "measured": {CLASSES[0]: 4, CLASSES[1]: 4, CLASSES[2]: 0},
        "unmeasured": [CLASSES[2]],
        "measurement": "folds",
        "confusion": [[2, 2, 0], [0, 4, 0], [0, 0, 0]],
        "recall": {CLASSES[0]: 0.5, CLASSES[1]: 1.0, CLASSES[2]: None},
        **sides,
        "zero_shot_confusion": [[2, 2, 0], [2, 2, 0], [0, 0, 0]],
        "zero_shot_recall": {CLASSES[0]: 0.5, CLASSES[1]: 0.5, CLASSES[2]: None},
        "chance": 1 / 3,
        "difference": figure(0.25, 0.05, 0.4),
        "curve": [
            {
                "shots": shots,
                "draws": [value - 0.02, value + 0.02],
                "value": value,
                "low": value - 0.1,
                "high": value + 0.1,
                "difference": apart,
                "difference_low": apart - 0.05,
                "difference_high": apart + 0.05,
            }
            for shots, value, apart in points
        ],
        "curve_of": "probe",
        "wrong": [wrong | {"path": f"{i}.png"} for i in range(2)],
        "wrong_total": 2,
        "coverage": {
            "found": 11,
            "used": {CLASSES[0]: 4, CLASSES[1]: 4, CLASSES[2]: 1},
            "parts": {},
            "unreadable": [["bad.png", "damaged picture"]],
            "faceless": ["wall.png"],
            "faceless_kept": False,
            "duplicates": [],
            "contradictory": [],
            "rejected": [],
        },
        "temperature": 0.2,
        "strength": 1.0,
        "seconds": {"total": 12.0},
        "model": None,
        "base": "fbn",
        "notes": ["One picture only: awed."],
    } | changes
