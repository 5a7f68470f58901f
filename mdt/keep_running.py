"""Start a program again whenever it fails: `python -m mdt.keep_running PROGRAM [ARGUMENT ...]`.

For Celery's worker, which gives up for good when the bus goes away at an unlucky moment (kombu
5.7 closes a channel it has no connection for any more). A signal to end is passed on, and a program
that ends well is not started again.
"""

import signal
import subprocess
import sys
import time
from types import FrameType

PAUSE_S = 1.0


class Keeper:
    """One program, and whether it shall run."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False

    def run(self) -> int:
        """Until it ends well, or is told to end; its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while True:
            self._process = subprocess.Popen(self._command)  # noqa: S603  ours: the Procfile's
            if self._is_ending:  # told while it was being started
                self._process.terminate()
            code = self._process.wait()
            if code == 0 or self._is_ending:
                return code
            sys.stderr.write(f"{self._command[0]} ended with {code} and is started again\n")
            time.sleep(PAUSE_S)
            if self._is_ending:
                return code

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._is_ending = True
        if self._process:
            self._process.send_signal(number)


if __name__ == "__main__":
    sys.exit(Keeper(sys.argv[1:]).run())
