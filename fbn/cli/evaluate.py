"""``fbn evaluate``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from fbn.training.evaluate import Report


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(evaluate)


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
