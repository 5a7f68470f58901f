"""From `git clone` to the list a newcomer sees with all its lights."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench._ready import wait_for_lights
from tests.e2e.product import ROOT
from tests.ports import free_port

WITHIN_S = 900
#: A newcomer's shell: nothing that this process set for itself.
OWN = ("DEMO", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def measure() -> dict[str, Any]:
    """Seconds, and when each step was done: environment, pages, lights."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lightbox-clone-") as parent:
        clone = Path(parent) / "lightbox"
        started = time.monotonic()
        _run("git", "clone", "--quiet", str(ROOT), str(clone))
        running = _make_run(clone, port)
        try:
            steps = _steps(clone, port, started)
        finally:
            _end(running)
    return {
        "figures": {"clone_to_ready_s": steps["lights"]},
        "notes": {"clone_steps_done_at_s": steps},
    }


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 a fixed command


def _make_run(clone: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    beside = str(ROOT / ".venv" / "bin"), str(ROOT / "node_modules" / ".bin")
    folders = [folder for folder in os.environ["PATH"].split(":") if folder not in beside]
    environment["PATH"] = ":".join(folders)
    return subprocess.Popen(  # noqa: S603 a fixed command
        ["make", "run", f"PORT={port}"],  # noqa: S607 found on the newcomer's PATH
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _steps(clone: Path, port: int, started: float) -> dict[str, float]:
    marks = {
        "product packages": clone / ".venv" / ".product",
        "demo packages": clone / ".venv" / ".demo",
        "node packages": clone / "node_modules" / ".package-lock.json",
        "demo data": clone / "var" / "demo" / "made.json",
        "processes": clone / "var" / "run.env",
    }
    done = {name: _wait_for(path, started) for name, path in marks.items()}
    wait_for_lights(f"http://127.0.0.1:{port}", within_s=WITHIN_S)
    return done | {"lights": _since(started)}


def _wait_for(path: Path, started: float) -> float:
    while not path.exists():
        if _since(started) > WITHIN_S:
            raise TimeoutError(f"{path.name} was not made")
        time.sleep(0.1)
    return _since(started)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End make and all that it started, each in the group or session they were put in."""
    everyone = [process.pid, *_below(process.pid)]
    for kind in (signal.SIGTERM, signal.SIGKILL):
        for pid in everyone:
            _tell(pid, kind)
        try:
            process.wait(15)
            break
        except subprocess.TimeoutExpired:
            continue
    for pid in everyone:
        _tell(pid, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    """The processes under one, however they were grouped, from /proc."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parents[int(status.parent.name)] = int(fields[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def _tell(pid: int, kind: signal.Signals) -> None:
    try:
        os.kill(pid, kind)
    except ProcessLookupError:
        return
