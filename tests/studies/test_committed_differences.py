"""The committed studies of tables and of compounds: today's code finds the differences that were printed then."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

from fbn.resources import shipped
from fbn.studies import compound, tables
from fbn.studies.tables_request import TablesRequest

TABLES, COMPOUND = "assets/studies/relatedness/right-against-wrong", "assets/studies/compound"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shipped(name).read_text("utf-8"))
    return found


def _printed(name: str) -> pd.DataFrame:
    return pd.read_csv(shipped(name))


def _as_printed(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).round(4)


def test_differences_of_the_table_study() -> None:
    found = _read(f"{TABLES}/result.json")
    units = {name for run in found["runs"] for name in run["units"]}
    runs = [
        {
            "row": run["arm"],
            "seed": run["seed"],
            "figures": {f"held-out/{name}": value for name, value in run["tasks"].items()},
            "details": {"held-out/f1": run["units"]},
            "chance": {f"held-out/{name}": value for name, value in run["chance"].items() if name not in units},
            "chance_units": {name: value for name, value in run["chance"].items() if name in units},
            "cells": run["cells"],
            "true": run["true"],
        }
        for run in found["runs"]
    ]
    request = TablesRequest.model_validate(found["comparison"])
    again = tables.result(request, runs)
    pd.testing.assert_frame_equal(_as_printed(tables.rows(again)), _printed(f"{TABLES}/differences.csv"))
    assert again["cells"] == found["cells"]
    # what the page reads of an older result
    pd.testing.assert_frame_equal(_as_printed(tables.rows(found)), _printed(f"{TABLES}/differences.csv"))


def test_differences_of_the_compound_study() -> None:
    found = _read(f"{COMPOUND}/result.json")
    runs = [{**run, "row": run["arm"], "figures": compound._flat(run["sets"], run["basic"])} for run in found["runs"]]
    again = compound.result(compound.CompoundRequest(), runs)
    pd.testing.assert_frame_equal(_as_printed(compound.rows(again)), _printed(f"{COMPOUND}/figures.csv"))
    assert (again["claims"], again["chance"]) == (found["claims"], pytest.approx(found["chance"]))
    curves = _printed(f"{COMPOUND}/curve.csv")
    pd.testing.assert_frame_equal(_as_printed(compound.curve_rows(runs))[list(curves.columns)], curves)


@pytest.mark.parametrize("name", ["affect", "compound", "relatedness", "synthetic"])
def test_every_committed_study_says_what_was_found(name: str) -> None:
    text = shipped(f"assets/studies/{name}/NOTE.md").read_text("utf-8")
    assert "\n## What was found\n" in text
