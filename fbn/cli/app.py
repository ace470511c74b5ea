"""``fbn app``."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""

    @app.command("app")
    def start(
        port: int = typer.Option(8501, help="Port on 127.0.0.1."),
        browser: bool = typer.Option(True, help="Open the app in this machine's browser."),
    ) -> None:
        """Start the app: the webcam read live, pictures and videos read into tables."""
        import os
        import sys

        from fbn.ui.server import command, environment

        words = command(port, browser)
        typer.echo(f"fbn: http://127.0.0.1:{port} (Ctrl-C stops it)")
        sys.stdout.flush()
        # the server takes this process's place, so that Ctrl-C and a supervisor's signals reach it
        os.execve(words[0], words, environment())
