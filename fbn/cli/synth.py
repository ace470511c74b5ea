"""``fbn synth``: a data set of synthetic faces in an official layout."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(synth)


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
