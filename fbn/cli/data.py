"""``fbn data``: check data sets before training."""

from pathlib import Path

import typer

#: Maximal number of unreadable pictures to list per data set; the table counts all.
_MAX_LISTED = 5

data = typer.Typer(help="Look at data sets.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(data, name="data")


@data.callback()
def _root() -> None:
    """Look at data sets."""


@data.command()
def check(
    path: Path = typer.Argument(help="A data set's folder or zip, or a folder that holds several."),
    name: str | None = typer.Option(None, "--set", help="Which set it is, where its layout should not decide."),
) -> None:
    """Count what a data set holds: parts, expressions, action units, missing labels, duplicates, rejected rows."""
    from rich.console import Console
    from rich.markup import escape

    from fbn.data.check import examine, locate, tables
    from fbn.errors import FbnError

    console, errors = Console(), Console(stderr=True, highlight=False)
    valid = True
    for set_name, root in locate(path, name):
        try:
            result = examine(set_name, root)
        except FbnError as error:
            # continue with the other data sets
            errors.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
            valid = False
            continue
        for message in result.unreadable[:_MAX_LISTED]:
            errors.print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)
        valid = valid and not result.unreadable
        for table in tables(result):
            console.print(table)
            console.print()
    raise typer.Exit(0 if valid else 1)


@data.command()
def twins(
    path: Path = typer.Argument(help="A folder that holds data sets."),
    least: float = typer.Option(0.87, min=0.5, max=1, help="Likeness from which two faces count as one photograph."),
    shown: int = typer.Option(20, min=0, help="Pairs to name; the first table counts all."),
) -> None:
    """Find photographs that stand under several files in or across sets, where one of them is measured on."""
    from collections import Counter

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fbn.data.alike import find_twins
    from fbn.data.corpus import load_corpus

    pairs = find_twins([load_corpus(path)], least)
    console = Console()
    counts = Table("measured on", "found again in", "pairs", title=f"{len(pairs)} pairs as like as {least:g}")
    kinds = Counter(tuple(f"{sample.dataset} {part}" for part, sample in pair.members) for pair in pairs)
    for (one, other), count in kinds.most_common():
        counts.add_row(one, other, str(count))
    console.print(counts)
    if pairs and shown:
        named = Table("likeness", "measured on", "found again")
        for pair in pairs[:shown]:
            named.add_row(f"{pair.likeness:.3f}", *(escape(sample.path) for _, sample in pair.members))
        console.print(named)
