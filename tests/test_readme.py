"""What the README shows is what happens: its commands exist, its example prints its output."""

import contextlib
import csv
import io
import json
import re
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


def test_the_figures_of_drawn_faces_are_the_reports() -> None:
    sources = _figures("assets/studies/synthetic/report.json")["sources"]
    said = " ".join(TEXT.split("Drawn faces alone,")[1].split("Does the right table")[0].split())
    for name in ("auc", "mean_diagonal"):
        own = sources["synthetic"]["figures"][name]
        assert f"{own['value']:.3f} ({own['low']:.3f} to {own['high']:.3f}" in said
    ict = sources["ict"]["figures"]
    assert f"{ict['auc']['value']:.3f} and {ict['mean_diagonal']['value']:.3f}" in said
    assert f"action units with {sources['synthetic']['probe']:.3f}" in said


def test_the_figures_of_the_table_study_are_its_results() -> None:
    found = _figures("assets/studies/relatedness/right-against-wrong/result.json")
    said = " ".join(TEXT.split("Does the right table")[1].split("Do the couplings pay?")[0].split())
    own = found["changed_units"]
    assert f"is {own['edited']:.3f} when" in said
    assert f"{own['base']:.3f} by Du" in said
    assert f"difference {own['difference']:.3f} (95 % interval {own['low']:.3f} to {own['high']:.3f})" in said
    others = [abs(unit["difference"]) for name, unit in found["units"].items() if name not in ("AU5", "AU9")]
    assert f"{max(others):.3f} at most" in said
    assert len(others) == 15


def test_the_figures_of_the_coupling_studies_are_theirs() -> None:
    said = " ".join(TEXT.split("Do the couplings pay?")[1].split("Compound expressions nobody")[0].split())
    assert said.startswith("Ten studies,")
    assert len(list(shipped("assets/studies/affect").glob("*/summary.json"))) == 10
    scarce, plenty, real = (
        _figures(f"assets/studies/affect/{name}/summary.json") for name in ("scarce", "plenty", "real")
    )
    both, none, alone = (_of(scarce, row, "all-au-sets/f1") for row in ("both", "none", "single-task"))
    labelled = scarce["labelled"]
    assert f"labels on {labelled['action_units']} of {sum(labelled.values()):,} pictures" in said
    assert f"to {both['mean']:.3f}, from {none['mean']:.3f} uncoupled and {alone['mean']:.3f} single-task" in said
    assert f"every AU always: {none['chance']:.3f}" in said
    assert f"labels on {plenty['labelled']['action_units']:,} pictures" in said
    for study, row, key in (
        (scarce, "both", "all-au-sets/f1"),
        (plenty, "both", "all-au-sets/f1"),
        (real, "both", "ckplus/f1"),
        (real, "co", "ckplus/f1"),
    ):
        own = _of(study, row, key)["uncoupled"]
        low_high = f"{own['low']:+.3f} to {own['high']:+.3f})"
        assert (
            f"{own['difference']:+.3f} ({low_high}" in said
            or f"{own['difference']:+.3f} (95 % interval {low_high}" in said
        )
    assert f"of the {-_of(real, 'none', 'ckplus/f1')['single']['difference']:.3f} that sharing" in said
    for name, row, key in (("scarce", "both", "all-au-sets/f1"), ("real", "co", "ckplus/f1")):
        own = _of(_figures(f"assets/studies/affect/{name}-400/summary.json"), row, key)["uncoupled"]
        assert f"{own['difference']:+.3f} ({own['low']:+.3f} to {own['high']:+.3f})" in said.split("In 400 steps")[1]
    bodies = _figures("assets/studies/affect/architectures/summary.json")
    coupled = [f"{name}-both" for name in ("vgg-face", "resnet-50", "densenet-121")]
    for own in (_of(bodies, row, "ckplus/f1")["uncoupled"] for row in coupled):
        assert own["low"] < 0 < own["high"]
    vgg, *two = (_of(bodies, row, "ckplus/auc")["uncoupled"] for row in coupled)
    assert vgg["low"] < 0 < vgg["high"]
    assert all(own["low"] > 0 for own in two)
    gains = " and ".join(f"{own['difference']:.3f}" for own in two)
    assert f"no interval of AU F1 leaves out 0; AU ROC area gains {gains} on the last two" in said
    short = _figures("assets/studies/affect/architectures-180/summary.json")
    vgg, *others = (_of(short, row, "ckplus/auc")["uncoupled"] for row in coupled)
    assert all(own["low"] < 0 < own["high"] for own in others)
    assert vgg["high"] < 0 < vgg["boot_high"]
    little = _of(short, "densenet-121-both", "ckplus/f1")
    assert little["mean"] < little["chance"]
    assert "In 180 steps they learn little, and these gains do not come back; VGG-FACE's ROC area falls by " in said
    assert f"falls by {-vgg['difference']:.3f} there, which holds 0 where people are drawn anew too" in said


def _of(study: dict[str, Any], row: str, key: str) -> dict[str, Any]:
    (own,) = [
        f for f in study["figures"] if (f["row"], f"{f['set']}/{f['figure']}", f["filtered"]) == (row, key, False)
    ]
    return dict(own)


def test_the_figures_of_the_compound_study_are_its_results() -> None:
    rows = list(csv.DictReader(shipped("assets/studies/compound/figures.csv").open()))
    found = {row["figure"].removeprefix("rafdb-compound/"): row for row in rows if row["figure"].startswith("rafdb")}
    said = " ".join(TEXT.split("Compound expressions nobody")[1].split("## How it is built")[0].split())
    zero, ten, every = (
        found[name] for name in ("zero-shot mean_diagonal", *map("mean_diagonal {} shots".format, ("10", "all")))
    )
    assert f"mean diagonal of {_3(zero['uncoupled'])} without couplings and {_3(zero['coupled'])} with" in said
    assert f"chance {_3(zero['chance'])}" in said
    assert f"to {_3(ten['uncoupled'])} and {_3(ten['coupled'])}, all" in said
    assert f"to {_3(every['uncoupled'])} and {_3(every['coupled'])};" in said
    for own in (zero, ten):
        assert f"{_3(own['difference'])} (" in said
        assert f"{_3(own['low'])} to {_3(own['high'])})" in said
    claims = _figures("assets/studies/compound/result.json")["claims"]
    assert all(own["never_below"] and own["runs_below"] == 0 for own in claims.values())


def test_the_figures_of_the_ferplus_pairs_are_the_studys() -> None:
    found = _figures("assets/studies/compound/ferplus.json")
    said = " ".join(TEXT.split("two-expression pictures, a proxy")[1].split("## How it is built")[0].split())
    inside = {name: way["cross-validated in FER2013Valid"]["all"]["top1"] for name, way in found["few_shot"].items()}
    learned = inside["zero-shot prior and features"]
    for own in (found["zero_shot"]["figures"]["top1"], learned):
        assert f"{own['value']:.3f} ({own['low']:.3f} to {own['high']:.3f})" in said
    assert f"expression outputs alone {inside['expression outputs alone']['value']:.3f}" in said
    assert f"random body {inside['random body']['value']:.3f}" in said
    assert f"({sum(own['test'] for own in found['classes'].values())} of FER2013Valid" in said


def _3(value: str) -> str:
    return f"{float(value):.3f}"
