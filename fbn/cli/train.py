"""``fbn train``, ``fbn export`` and ``fbn evaluate``."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbn.training.allocator import with_allocator

if TYPE_CHECKING:
    from rich.table import Table

    from fbn.training.evaluate import Report


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(train)
    app.command()(export)
    app.command()(evaluate)


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or a YAML file.", show_default=False)],
    data: Annotated[Path, typer.Option(help="Folder of the data sets.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<recipe> by default.")] = None,
    set: Annotated[list[str] | None, typer.Option(help="key=value, e.g. objective.distribution_matching=0.5.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    devices: Annotated[int, typer.Option(min=1, help="GPUs, or processes on a CPU.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes that make batches, for each device.")] = 1,
) -> None:
    """Train a network by a recipe; checkpoints and logs go to the run folder."""
    with_allocator()
    from fbn import api
    from fbn.training import recipe as recipes
    from fbn.training.run import BEST

    run = api.train(
        recipes.read(recipe, set or ()),
        data,
        out,
        resume=resume,
        devices=devices,
        workers=workers,
        progress=sys.stderr.isatty(),
    )
    typer.echo(f"best checkpoint: {run / BEST}; next: fbn export {run} --data {data} -o FOLDER")


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of fbn train.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of models; gets a folder NAME.")],
    name: Annotated[str, typer.Option(help="What the model is called.")] = "fbn",
    data: Annotated[Path | None, typer.Option(help="Data sets, to calibrate and measure the model on.")] = None,
    average: Annotated[bool, typer.Option(help="The mean of the best and the last epoch, not the best alone.")] = False,
) -> None:
    """Write a run's weights as a model: safetensors, ONNX, manifest with checksums, model card."""
    from fbn.training.publish import publish
    from fbn.training.run import BEST, LAST

    publish(run, output / name, name, data, (BEST, LAST) if average else (BEST,))
    typer.echo(output / name)


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder of the data sets.", show_default=False)],
    model: Annotated[str, typer.Option(help="Name or folder of a model, or folder of a training run.")] = "fbn",
    part: Annotated[str, typer.Option(help="test, or valid while choosing between networks.")] = "test",
    flip: Annotated[bool, typer.Option("--flip", help="Average each crop with its mirror.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures as JSON.")] = None,
) -> None:
    """Measure a model on held-out pictures, cut and read as fbn analyse --crops does."""
    if part not in ("test", "valid"):
        raise typer.BadParameter(f"{part}: expected test or valid", param_hint="--part")
    from rich.console import Console

    from fbn import api
    from fbn.resources import check_replaceable, whole_file

    if output:
        check_replaceable(output)
    report = api.evaluate(model, data, part, flip=flip)
    Console().print(_table(report))
    if output:
        with whole_file(output) as unfinished:
            unfinished.write_text(json.dumps(report, indent=1) + "\n")


def _table(report: "Report") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    title = f"{report['model']}, {report['part']} part, {report['date']}, {report['git_sha'][:12]}"
    caption = f"mean {report['score']:.4f}" + "".join(f"; {name} is not there" for name in report["skipped"])
    table = Table("set", "figure", "value", "95 % interval", "chance", title=escape(title), caption=caption)
    for name, results in report["sets"].items():
        for figure, f in results["figures"].items():
            interval = f"{f['low']:.3f} to {f['high']:.3f}"
            table.add_row(
                f"{name} ({results['pictures']})", figure, f"{f['value']:.3f}", interval, f"{f['chance']:.3f}"
            )
    return table
