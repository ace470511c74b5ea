"""``fbn fewshot``: few-shot learning of compound expressions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fbn.fewshot.request import Figure, Result


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(fewshot)


def fewshot(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder or zip: RAF-DB's compound layout, labels.csv (file,class) and pictures, or a folder a class.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; an interrupted one goes on.")],
    save: Annotated[str, typer.Option(help="Save as a model of this name; without it, measure only.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model of that name.")] = False,
    classes: Annotated[
        str, typer.Option(help="rafdb, emotionet, du2014, or a table; the data's own classes if empty.")
    ] = "",
    strategy: Annotated[
        Literal["probe", "last_block", "whole"], typer.Option(help="What learns: a linear probe, the last block, all.")
    ] = "probe",
    shots: Annotated[int, typer.Option(min=-1, help="Pictures a class; -1: all, 0: zero-shot.")] = -1,
    model: Annotated[str, typer.Option(help="Name or folder of the starting weights.")] = "fbn",
    curve: Annotated[
        Literal["probe", "last_block", "whole", "none"], typer.Option(help="What the learning curve is of.")
    ] = "probe",
    draws: Annotated[int, typer.Option(min=1, help="Draws at each point of the learning curve.")] = 5,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts of cross-validation, without a test part.")] = 5,
    crops: Annotated[
        bool | None, typer.Option("--crops/--no-crops", help="Keep pictures without a visible face, or leave them out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of draws, folds and trainings.")] = 0,
) -> None:
    """Learn compound expressions from a few labelled pictures, beginning with the zero-shot scores, and measure.

    Exit status: 0 done, 1 the data or a name cannot be used, 130 stopped by Ctrl-C (it goes on when called again).
    """
    from fbn.training.allocator import with_allocator

    with_allocator()
    from rich.console import Console
    from rich.progress import Progress

    from fbn import api

    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("starting", total=1.0)
            result = api.few_shot(
                data,
                output,
                save=save or None,
                overwrite=overwrite,
                classes=classes or None,
                strategy=strategy,
                shots=None if shots < 0 else shots,
                model=model,
                curve=None if curve == "none" else curve,
                draws=draws,
                folds=folds,
                crops=crops,
                seed=seed,
                progress=lambda fraction, message: progress.update(task, completed=fraction, description=message),
            )
    except KeyboardInterrupt:
        typer.echo(f"{output}: stopped; the same command goes on", err=True)
        raise typer.Exit(130) from None
    _print(result, output)


def _print(result: "Result", output: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    coverage = result["coverage"]
    for reason, paths in (
        ("unreadable", [path for path, _ in coverage["unreadable"]]),
        ("without a face" + (", kept" if coverage["faceless_kept"] else ""), coverage["faceless"]),
        ("a copy of another", [path for path, _ in coverage["duplicates"]]),
        ("under several classes", [path for group in coverage["contradictory"] for path, _ in group]),
    ):
        if paths:
            first = f"{escape(paths[0])}{', ...' if len(paths) > 1 else ''}"
            console.print(f"{len(paths)} {reason}: {first}", soft_wrap=True)
    classes = Table("class", "learned from", "measured on", "recall", "zero-shot", box=None)
    for name in result["classes"]:
        recalls = result["recall"][name], result["zero_shot_recall"][name]
        cells = (name, str(result["counts"][name]), str(result["measured"][name]))
        classes.add_row(*map(escape, cells), *("" if value is None else f"{value:.2f}" for value in recalls))
    console.print(classes)
    table = Table("figure", "learned", "zero-shot", box=None)
    for key, title in (("mean_diagonal", "mean diagonal (UAR)"), ("macro_f1", "macro F1"), ("accuracy", "accuracy")):
        table.add_row(title, _format_metric(result["figures"][key]), _format_metric(result["zero_shot"][key]))  # type: ignore[literal-required]
    table.add_row("mean diagonal's gain", _format_metric(result["difference"]), "")
    table.add_row("chance", f"{result['chance']:.3f}", "")
    console.print(table)
    if result["curve"]:
        curve = Table("pictures a class", "mean diagonal", box=None)
        for point in result["curve"]:
            shots = "all" if point["shots"] is None else str(point["shots"])
            curve.add_row(shots, _format_metric({"value": point["value"], "low": point["low"], "high": point["high"]}))
        console.print(curve)
    for note in result["notes"]:
        console.print(escape(note), soft_wrap=True)
    where = f"{output}/result.json"
    saved = f"; saved as {result['model']}: fbn analyse --model {result['model']}" if result["model"] else ""
    console.print(escape(f"{where}, {result['seconds']['total']:.0f} s{saved}"), soft_wrap=True)


def _format_metric(figure: "Figure") -> str:
    if figure["value"] is None:
        return ""
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
