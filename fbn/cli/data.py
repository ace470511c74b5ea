"""``fbn data``: check data sets before training; and ``fbn synth``: draw one."""

from pathlib import Path
from typing import Annotated

import typer

#: Maximal number of unreadable pictures to list per data set; the table counts all.
_MAX_LISTED = 5

data = typer.Typer(help="Look at data sets.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(data, name="data")
    app.command()(synth)


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


def synth(
    name: Annotated[
        str,
        typer.Argument(
            help="Layout: affwild2, saffwild2, affectnet, affectnet-npy, rafdb, rafdb-compound, emotionet, disfa, "
            "bp4d, afew-va, celeba, ferplus, ckplus, "
            "affectnet-train-masked, expw or diffusionfer.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to make; must be empty or not there.", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="Pictures.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other people and pictures.")] = 0,
    table: Annotated[str, typer.Option(help="Relatedness table: built-in or saved name, or file.")] = "du2014",
) -> None:
    """Draw labelled synthetic faces and write them as a data set that looks like a real one's release."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from fbn import api

    with Progress(console=Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task(f"drawing {name}", total=count)
        api.synth(
            name, out, count, seed=seed, table=table, progress=lambda drawn: progress.update(task, completed=drawn)
        )
    Console(highlight=False).print(f"{escape(str(out))}: {count} pictures as {name}", soft_wrap=True)
