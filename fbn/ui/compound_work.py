"""Work of a minute or two on a thread of the server, with progress and a way to stop it; no Streamlit."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fbn.context import Cancelled
from fbn.errors import FbnError

#: Told of the share done, in [0, 1]; raises where the work is to stop.
Report = Callable[[float], None]


@dataclass(frozen=True)
class Progress:
    """A look at the work: whether it goes on, the share done, what came out (None: it was stopped), what went wrong."""

    running: bool
    share: float = 0.0
    result: Any = None
    problem: str = ""


class Work:
    """Something done on a thread of its own; the page looks at ``progress``.

    Args:
        words: what it does, for people.
        do: the work; it calls what it is given with the share done, often.
    """

    def __init__(self, words: str, do: Callable[[Report], Any]) -> None:
        self.words, self._do = words, do
        self._now, self._stop = Progress(True), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="fbn-compound")
        self._thread.start()

    def progress(self) -> Progress:
        """How far it is."""
        return self._now

    def cancel(self) -> None:
        """Stop at its next report."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """True once it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            end = Progress(False, 1.0, self._do(self._report))
        except Cancelled:
            end = Progress(False)
        except (FbnError, OSError) as error:
            end = Progress(False, problem=str(error))
        except Exception as error:  # a thread's exception would vanish without a word
            end = Progress(False, problem=f"{type(error).__name__}: {error}")
        self._now = end

    def _report(self, share: float) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._now = replace(self._now, share=share)
