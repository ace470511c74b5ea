"""``fbn bench compound``: recognition of compound expressions by networks trained on basic ones."""

from pathlib import Path
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Add this module's command to those of ``fbn bench``."""
    from fbn.cli.bench import bench

    bench.command()(compound)


def compound(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; an interrupted one goes on.")],
    data: Annotated[Path | None, typer.Option(help="Folder with FER+, for the proxy on real faces.")] = None,
    model: Annotated[str, typer.Option(help="Name or folder of the model that reads FER+.")] = "fbn",
    seeds: Annotated[int, typer.Option(min=0, help="Pairs of trainings on drawn faces; 0: FER+ alone.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="Number of the first seed.")] = 0,
    pictures: Annotated[int, typer.Option(min=60, help="Drawn faces with a basic label, for each seed.")] = 3000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 800,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the few pictures to learn from.")] = 5,
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "coupled",
) -> None:
    """Train with couplings and without on basic labels; name compound expressions, zero-shot and with few pictures."""
    from fbn.training.allocator import with_allocator

    with_allocator()
    from rich.console import Console

    from fbn.cli.study import locked_with_progress
    from fbn.context import write_json
    from fbn.errors import FormatError, MissingFileError
    from fbn.studies import compound_ferplus, engine
    from fbn.studies.compound import PAIRS, STUDY, rows

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    if not (seeds or data):
        raise FormatError("--seeds 0: expected --data too, or nothing is measured")
    values = {"first_seed": first_seed, "pictures": pictures, "steps": steps, "draws": draws, "recipe": recipe}
    request = STUDY.parse(values | {"seeds": seeds}) if seeds else None
    console = Console(highlight=False)
    with locked_with_progress(output) as context:
        if request:
            result = engine.run(STUDY, request, context)
        if data:
            on_pairs = compound_ferplus.proxy(data, model, draws, context=context)
            write_json(output / PAIRS, on_pairs)
    if request:
        _print_arms(console, rows(result), result["claims"])
    if data:
        _print_pairs(console, on_pairs)


def _print_arms(console: Any, rows: list[dict[str, Any]], claims: dict[str, dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("figure", "uncoupled", "coupled", "difference", "95 %", "chance", box=None)
    for row in rows:
        interval = "" if row["low"] is None else f"{row['low']:+.3f} to {row['high']:+.3f}"
        lowest = "" if row["chance"] is None else f"{row['chance']:.3f}"
        arms = (f"{row['uncoupled']:.3f}", f"{row['coupled']:.3f}", f"{row['difference']:+.3f}")
        table.add_row(row["figure"], *arms, interval, lowest)
    console.print(table)
    for arm, values in claims.items():
        text = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in values.items())
        console.print(f"{arm}: {text}", soft_wrap=True)


def _print_pairs(console: Any, result: dict[str, Any]) -> None:
    from rich.table import Table

    count = sum(each["test"] for each in result["classes"].values())
    console.print(f"FER+ pairs, a proxy: {count} pictures of FER2013Valid in {len(result['classes'])} classes")
    table = Table("shots", "top-1", "95 %", "mean diagonal", "95 %", box=None)
    table.add_row("chance", f"{result['chance']['top1']:.3f}", "", f"{result['chance']['mean_diagonal']:.3f}", "")
    table.add_row("zero-shot", *_cells(result["zero_shot"]["figures"]))
    for head, by_layer in result["few_shot"].items():
        for layer, points in by_layer.items():
            table.add_section()
            table.add_row(f"[bold]{head}, {layer}")
            for shots, figures in points.items():
                table.add_row(shots, *_cells(figures))
    console.print(table)


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    both = (figures["top1"], figures["mean_diagonal"])
    return tuple(text for each in both for text in (f"{each['value']:.3f}", f"{each['low']:.3f} to {each['high']:.3f}"))
