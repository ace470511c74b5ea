"""What the README shows is what happens: its commands exist, its example prints its output."""

import contextlib
import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.models import store
from fbn.resources import shipped

TEXT = (Path(__file__).resolve().parent.parent / "README.md").read_text()
WORDS = sorted({line.split("#")[0] for line in TEXT.splitlines() if line.startswith("fbn ")})


def test_the_two_lines_are_on_the_first_screen() -> None:
    first = "\n".join(TEXT.splitlines()[:25])
    assert "pip install . && .venv/bin/fbn app" in first
    assert "-m pytest" in first


@pytest.mark.parametrize("line", WORDS)
def test_documented_commands_exist(line: str) -> None:
    options = re.findall(r"(?<!\S)--?[a-z]+", line)
    words = line.split()[1:3]
    for path in (words, words[:1]):  # a command of a group, or a plain one
        shown = CliRunner().invoke(application, [*path, "--help"], terminal_width=200)
        if shown.exit_code == 0:
            break
    assert shown.exit_code == 0, shown.output
    assert all(option in shown.output for option in options), shown.output


def test_the_example_prints_what_is_shown() -> None:
    if store.default() not in store.names():
        pytest.skip("no weights are shipped yet")
    code = re.search(r"<!-- example -->\n```python\n(.*?)```", TEXT, re.DOTALL)
    shown = re.search(r"<!-- output -->\n```text\n(.*?)```", TEXT, re.DOTALL)
    assert code
    assert shown
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code[1], {})
    assert printed.getvalue() == shown[1]


def test_the_figures_are_the_shipped_models() -> None:
    reports = store.manifest(store.default()).metrics
    if "test" not in reports:
        pytest.skip("the shipped weights were not measured")
    sets = reports["test"]["sets"]
    wanted = [sets["ferplus"]["figures"][name] for name in ("accuracy", "mean_diagonal")]
    wanted += [sets["affectnet"]["figures"][name] for name in ("accuracy", "ccc_valence", "ccc_arousal")]
    wanted += [sets["ckplus"]["figures"][name] for name in ("f1", "auc")]
    table = TEXT.split("`fbn evaluate --data ROOT`, split seed")[1].split("| two cores")[0]
    shown = re.findall(r"\| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \| ([\d.]+) \|", table)
    assert shown == [(*(f"{w[k]:.3f}" for k in ("value", "low", "high")), f"{w['chance']:.2f}") for w in wanted]


def _figures(path: str) -> dict[str, Any]:
    return dict(json.loads(shipped(path).read_text("utf-8")))


def _difference(study: str, row: str, key: str) -> str:
    """An arm's difference to the uncoupled one, as the README shows it."""
    figures = _figures(f"assets/studies/{study}/summary.json")["figures"]
    (own,) = [f for f in figures if (f["row"], f"{f['set']}/{f['figure']}", f["filtered"]) == (row, key, False)]
    return _signed(own["uncoupled"])


def _mean(summary: Mapping[str, Any], row: str, key: str) -> float:
    figures = summary["figures"]
    return float(next(f["mean"] for f in figures if (f["row"], f"{f['set']}/{f['figure']}") == (row, key)))


def _signed(own: Mapping[str, Any]) -> str:
    difference, low, high = (float(own[name]) for name in ("difference", "low", "high"))
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"


def _compound(figure: str) -> str:
    rows = csv.DictReader(shipped("assets/studies/compound/figures.csv").open())
    (own,) = [row for row in rows if row["figure"] == f"rafdb-compound/{figure}"]
    return f"{float(own['uncoupled']):.3f} uncoupled; coupled {_signed(own)}"


def test_the_findings_are_the_studies() -> None:
    table = TEXT.split("| what the shipped studies found")[1].split("Differences are over five seeds")[0]
    shown = [line.split(" | ")[-1].removesuffix(" |") for line in table.splitlines()[2:] if line]
    scarce = _figures("assets/studies/affect/scarce/summary.json")
    faces = _figures("assets/studies/faces/real-scarcest/summary.json")
    units, traits = "all-au-sets/f1", "known/attribute_auc"
    both, none = (_mean(scarce, row, units) for row in ("both", "none"))
    late, plain = (_mean(faces, row, traits) for row in ("match-late", "none"))
    alone = _figures("assets/studies/synthetic/report.json")["sources"]["synthetic"]["figures"]["auc"]
    assert shown == [
        f"{_difference('affect/scarce', 'both', units)}, {none:.3f} to {both:.3f}",
        _difference("affect/real", "all", "ckplus-expressions/mean_diagonal"),
        _difference("affect/real", "both", "ckplus/f1"),
        _signed(_figures("assets/studies/relatedness/right-against-wrong/result.json")["changed_units"]),
        f"{_difference('faces/real-scarcest', 'match-late', traits)}, {plain:.3f} to {late:.3f}",
        _difference("faces/real", "match-late", traits),
        _compound("zero-shot mean_diagonal"),
        _compound("mean_diagonal 10 shots"),
        f"{alone['value']:.3f} ({alone['low']:.3f} to {alone['high']:.3f})",
    ]
    labelled = scarce["labelled"]
    assert f"on {labelled['action_units']} of {sum(labelled.values()):,} drawn faces" in table
    few = faces["labelled"]
    assert f"on {few['attributes']} of {few['identity']:,} CelebA pictures" in table


def test_the_notes_it_links_are_there() -> None:
    for path in re.findall(r"\]\((assets/[^)]+)\)", TEXT):
        assert shipped(path).is_file(), path
