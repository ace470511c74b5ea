"""The worker with kinds of its own, for tests: ``python stand_in.py FOLDER``."""

import os
import signal
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fbn.context import Context, write_json
from fbn.errors import FormatError
from fbn.jobs import kinds, worker


class Count(BaseModel):
    """How far to count, how long each number takes, at which to go wrong and how."""

    model_config = ConfigDict(extra="forbid")

    upto: int = Field(default=3, ge=1)
    seconds: float = 0.0
    trouble_at: int = 0
    trouble: str = ""


def count(parameters: Count, context: Context) -> dict[str, Any]:
    """Counts on from what the folder holds; trouble strikes once."""
    found = sorted(int(path.stem) for path in context.folder.glob("counted/*.json"))
    for number in range(len(found) + 1, parameters.upto + 1):
        context.check()
        context.report(number / parameters.upto, f"at {number}")
        if number == parameters.trouble_at and not (context.folder / "struck").exists():
            (context.folder / "struck").touch()
            if parameters.trouble == "die":
                os.kill(os.getpid(), 9)
            if parameters.trouble == "end":
                os.kill(os.getpid(), signal.SIGTERM)
            if parameters.trouble == "full":
                raise OSError(28, "No space left on device", "somewhere")
            raise {"input": FormatError("line 3: expected a number"), "bug": KeyError("oh")}[parameters.trouble]
        write_json(context.folder / "counted" / f"{number}.json", {"began_with": len(found)})
        time.sleep(parameters.seconds)
    return {"counted": parameters.upto, "began_with": len(found)}


kinds.KINDS["count"] = "tests.jobs.stand_in:count"

if __name__ == "__main__":
    worker.main()
