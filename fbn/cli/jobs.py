"""``fbn jobs``: what runs in the background."""

from datetime import timedelta
from typing import Annotated

import typer

_Id = Annotated[str, typer.Argument(help="As fbn jobs list prints it.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(_group)
    group.command("list")(list_jobs)
    for command in (show, cancel, restart, remove, clean):
        group.command()(command)
    app.add_typer(group, name="jobs")


def _group() -> None:
    """Jobs in the background: what runs, what came out, stop and clean up."""


def list_jobs() -> None:
    """All jobs, the newest first."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fbn import jobs

    table = Table("job", "title", "status", "done", "minutes", "what", box=None)
    for job in jobs.jobs():
        status = "cancelling" if job.cancelling else job.status
        cells = (job.id, job.title, status, f"{job.share:.0%}", f"{job.seconds / 60:.1f}", job.words)
        table.add_row(*map(escape, cells))
    Console(highlight=False).print(table if table.row_count else "no jobs")
    for words in jobs.unreadable_jobs():
        Console(stderr=True, highlight=False).print(f"[yellow]not a job:[/yellow] {escape(words)}", soft_wrap=True)


def show(
    job: _Id,
    lines: Annotated[int, typer.Option(min=0, help="Last lines of its log.")] = 20,
) -> None:
    """One job: what was asked, how far it is, its log's end, its result."""
    import json

    from fbn import jobs

    found = jobs.job(job)
    about = {
        "id": found.id,
        "title": found.title,
        "kind": found.kind,
        "device": found.device,
        "folder": str(found.folder),
        "status": found.status,
        "share": round(found.share, 3),
        "words": found.words,
        "minutes": round(found.seconds / 60, 1),
        "result": found.result(),
    }
    if lines and (log := found.log(lines)):
        typer.echo(log, err=True)
    typer.echo(json.dumps(about, indent=1, ensure_ascii=False))


def cancel(job: _Id) -> None:
    """Ask a job to stop at its next step; what it has written stays."""
    from fbn import jobs

    typer.echo(f"{jobs.cancel(job).id}: asked to stop")


def restart(job: _Id) -> None:
    """Start a job again that failed or was cancelled; it goes on where it can."""
    from fbn import jobs

    typer.echo(f"{jobs.restart(job).id}: queued")


def remove(job: _Id) -> None:
    """Delete a job that has ended, its results and all."""
    from fbn import jobs

    jobs.remove(job)
    typer.echo(f"{job}: removed")


def clean(
    days: Annotated[float, typer.Option(min=0, help="Only those that ended so many days ago.")] = 0.0,
) -> None:
    """Delete every job that has ended."""
    from fbn import jobs

    gone = jobs.clean(timedelta(days=days))
    typer.echo(f"{len(gone)} jobs removed")
