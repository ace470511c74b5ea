"""``fbn relate compare``: the effect of a relatedness table on training."""

from pathlib import Path
from typing import Annotated, Any

import typer

_Table = "a built-in table's name, a saved one's, or a file"


def add_to(app: typer.Typer) -> None:
    """Add this module's command to those of ``fbn relate``."""
    from fbn.cli.relate import relate

    relate.command()(compare)


def compare(
    base: Annotated[str, typer.Argument(help=f"One table: {_Table}.", show_default=False)],
    edited: Annotated[str, typer.Argument(help=f"The other: {_Table}.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; an interrupted one resumes.")],
    truth: Annotated[str, typer.Option(help=f"What the faces are drawn by, EDITED if empty: {_Table}.")] = "",
    data: Annotated[Path | None, typer.Option(help="Data sets to train on instead of drawn faces.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Pairs of trainings.")] = 5,
    pictures: Annotated[int, typer.Option(min=60, help="Faces drawn to train on, for each seed.")] = 3000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 400,
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "coupled",
) -> None:
    """Train twice on each seed, with BASE and with EDITED, and print the differences with their intervals."""
    from fbn.training.allocator import with_allocator

    with_allocator()
    from fbn.cli.study import locked_with_progress
    from fbn.errors import FormatError, MissingFileError
    from fbn.studies import tables
    from fbn.studies.tables_request import TablesRequest

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    if data and truth:
        raise FormatError("--truth: real faces were not made by a table; leave it out, or leave out --data")
    request = tables.STUDY.parse(
        {
            "base": base,
            "edited": edited,
            "truth": truth or None,
            "data": data,
            "recipe": recipe,
            "budget": {"seeds": seeds, "pictures": pictures, "steps": steps},
        },
    )
    assert isinstance(request, TablesRequest)
    with locked_with_progress(output) as context:
        result = tables.compare(request, context)
    _print(tables.rows(result), request.names, result)


def _print(rows: list[dict[str, Any]], names: tuple[str, str], result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("figure", *map(escape, names), "difference", "sd", "95 %", "chance", box=None)
    for row in rows:
        interval = "" if row["low"] is None else f"{row['low']:+.3f} to {row['high']:+.3f}"
        sd = "" if row["sd"] is None else f"{row['sd']:.3f}"
        lowest = "" if row["chance"] is None else f"{row['chance']:.3f}"
        style = "bold" if row["changed"] else None
        cells = (row["figure"], f"{row['base']:.3f}", f"{row['edited']:.3f}", f"{row['difference']:+.3f}")
        table.add_row(*cells, sd, interval, lowest, style=style)
    console = Console(highlight=False)
    console.print(table)
    for name, cell in result["cells"].items():
        rates = (f"{cell[arm]:.0%} with {escape(table)}" for arm, table in zip(("base", "edited"), names, strict=True))
        rate = f"active in {cell['true']:.0%} of the pictures, predicted in {', '.join(rates)}"
        console.print(f"{name}: {rate}", soft_wrap=True)
