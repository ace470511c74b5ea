"""Work of a minute or two in the background, with its progress; no Streamlit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fbn.context import Background, Cancelled
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


class Work(Background):
    """Something done on a thread of its own; the page looks at ``progress``.

    Args:
        words: what it does, for people.
        do: the work; it calls what it is given with the share done, often.
    """

    def __init__(self, words: str, do: Callable[[Report], Any]) -> None:
        self.words, self._do = words, do
        self._now = Progress(True)
        super().__init__()

    def progress(self) -> Progress:
        """How far it is."""
        return self._now

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
        if self.cancelled:
            raise Cancelled
        self._now = replace(self._now, share=share)
