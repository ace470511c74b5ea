"""The ``fbn`` command: a typer application; each module of this package adds its commands."""

import sys
from importlib import import_module

import typer
from rich.console import Console
from rich.markup import escape

from fbn import __version__
from fbn.context import end_on_signals
from fbn.errors import FbnError, describe_os_error

application = typer.Typer(
    name="fbn", help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"fbn {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Read faces: expression, action units, valence and arousal."""


for _name in (
    "analyse",
    "app",
    "bench",
    "data",
    "fewshot",
    "jobs",
    "relate",
    "study",
    "train",
):
    import_module(f"fbn.cli.{_name}").add_to(application)


def main() -> None:
    """Entry point. Errors caused by input are printed in one line on stderr, without a traceback, with exit status 1.

    So are errors of the operating system, such as missing permission or a full disk. SIGTERM and SIGHUP end the process
    with status 143 and 129, with the same clean-up.
    """
    end_on_signals()
    try:
        application()
    except FbnError as error:
        _fail(str(error))
    except OSError as error:
        _fail(describe_os_error(error))


def _fail(message: str) -> None:
    Console(stderr=True, highlight=False).print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)
    sys.exit(1)
