"""``fbn bench compound``: what a network that learned basic expressions makes of compound ones."""

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
    from rich.progress import Progress

    from fbn.context import Context, alone_in, write_json
    from fbn.errors import FormatError, MissingFileError
    from fbn.studies import compound as compound_study
    from fbn.studies import compound_ferplus
    from fbn.training.recipe import read

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    if not (seeds or data):
        raise FormatError("--seeds 0: expected --data too, or nothing is measured")
    asked = {"seeds": seeds, "first_seed": first_seed, "pictures": pictures, "steps": steps, "draws": draws}
    plan = compound_study.Study.model_validate(asked | {"recipe": read(recipe)}) if seeds else None
    console = Console(highlight=False)
    with alone_in(output), Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        context = Context(output, lambda share, words: progress.update(task, completed=share, description=words))
        if plan:
            found = compound_study.study(plan, context)
            _write_csv(output / "figures.csv", compound_study.rows(found))
            _write_csv(output / "curve.csv", compound_study.curve_rows(found))
        if data:
            on_pairs = compound_ferplus.proxy(data, model, draws, context=context)
            write_json(output / "ferplus.json", on_pairs)
    if plan:
        _print_arms(console, compound_study.rows(found), found["claims"])
    if data:
        _print_pairs(console, on_pairs)


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    import pandas as pd

    from fbn.resources import whole_file

    with whole_file(path) as unfinished:
        pd.DataFrame(rows).round(4).to_csv(unfinished, index=False)


def _print_arms(console: Any, rows: list[dict[str, Any]], claims: dict[str, dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("figure", "uncoupled", "coupled", "difference", "95 %", "chance", box=None)
    for row in rows:
        interval = "" if row["low"] is None else f"{row['low']:+.3f} to {row['high']:+.3f}"
        lowest = "" if row["chance"] is None else f"{row['chance']:.3f}"
        arms = (f"{row['uncoupled']:.3f}", f"{row['coupled']:.3f}", f"{row['difference']:+.3f}")
        table.add_row(row["figure"], *arms, interval, lowest)
    console.print(table)
    for arm, own in claims.items():
        words = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in own.items())
        console.print(f"{arm}: {words}", soft_wrap=True)


def _print_pairs(console: Any, found: dict[str, Any]) -> None:
    from rich.table import Table

    tested = sum(own["test"] for own in found["classes"].values())
    console.print(f"FER+ pairs, a proxy: {tested} pictures of FER2013Valid in {len(found['classes'])} classes")
    table = Table("shots", "top-1", "95 %", "mean diagonal", "95 %", box=None)
    table.add_row("chance", f"{found['chance']['top1']:.3f}", "", f"{found['chance']['mean_diagonal']:.3f}", "")
    table.add_row("zero-shot", *_cells(found["zero_shot"]["figures"]))
    for head, places in found["few_shot"].items():
        for place, points in places.items():
            table.add_section()
            table.add_row(f"[bold]{head}, {place}")
            for shots, figures in points.items():
                table.add_row(shots, *_cells(figures))
    console.print(table)


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    both = (figures["top1"], figures["mean_diagonal"])
    return tuple(cell for own in both for cell in (f"{own['value']:.3f}", f"{own['low']:.3f} to {own['high']:.3f}"))
