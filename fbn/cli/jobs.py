"""``fbn jobs``: background jobs."""

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
    """Background jobs: list, show, cancel, restart and delete them."""


def list_jobs() -> None:
    """List all jobs, newest first."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fbn import jobs

    table = Table("job", "title", "status", "progress", "minutes", "message", box=None)
    for job in jobs.jobs():
        status = "cancelling" if job.cancelling else job.status
        cells = (job.id, job.title, status, f"{job.progress:.0%}", f"{job.seconds / 60:.1f}", job.message)
        table.add_row(*map(escape, cells))
    Console(highlight=False).print(table if table.row_count else "no jobs")
    for message in jobs.unreadable_jobs():
        Console(stderr=True, highlight=False).print(f"[yellow]not a job:[/yellow] {escape(message)}", soft_wrap=True)


def show(
    job: _Id,
    lines: Annotated[int, typer.Option(min=0, help="Last lines of its log.")] = 20,
) -> None:
    """Show one job as JSON: parameters, status, progress, result. The end of its log goes to stderr."""
    import json

    from fbn import jobs

    selected = jobs.job(job)
    about = {
        "id": selected.id,
        "title": selected.title,
        "kind": selected.kind,
        "device": selected.device,
        "folder": str(selected.folder),
        "parameters": selected.parameters,
        "status": selected.status,
        "share": round(selected.progress, 3),
        "words": selected.message,
        "minutes": round(selected.seconds / 60, 1),
        "result": selected.result(),
    }
    if lines and (log := selected.log(lines)):
        typer.echo(log, err=True)
    typer.echo(json.dumps(about, indent=1, ensure_ascii=False))


def cancel(job: _Id) -> None:
    """Cancel a job; it stops at its next step and keeps its partial output."""
    from fbn import jobs

    typer.echo(f"{jobs.cancel(job).id}: asked to stop")


def restart(job: _Id) -> None:
    """Start a failed or cancelled job again; it resumes if its kind supports that."""
    from fbn import jobs

    typer.echo(f"{jobs.restart(job).id}: queued")


def remove(job: _Id) -> None:
    """Delete a job that has ended, with its results."""
    from fbn import jobs

    jobs.remove(job)
    typer.echo(f"{job}: removed")


def clean(
    days: Annotated[float, typer.Option(min=0, help="Only those that ended so many days ago.")] = 0.0,
) -> None:
    """Delete every job that has ended."""
    from fbn import jobs

    count = len(jobs.clean(timedelta(days=days)))
    typer.echo(f"{count} {'job' if count == 1 else 'jobs'} removed")
