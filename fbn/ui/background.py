"""Work on a thread of the server that outlives a page's reruns and can be stopped; no Streamlit."""

import threading
from abc import ABC, abstractmethod


class Background(ABC):
    """Begins when it is made: to be the last thing that a constructor calls."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"fbn {type(self).__name__}")
        self._thread.start()

    @abstractmethod
    def _run(self) -> None:
        """The work; looks at ``cancelled`` often and lets no exception out, for it would vanish without a word."""

    def cancel(self) -> None:
        """Ask it to stop soon; what is done is kept."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._stop.is_set()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """True once it has ended."""
        self._thread.join(seconds)
        return not self.running
