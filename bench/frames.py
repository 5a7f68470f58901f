"""Frames a second of one web process: `python bench/frames.py`.

A real Daphne, a series of noisy 512 x 512 CT slices, a grant, and several clients that ask for one
frame after another by its Range. Writes bench/results/frames.json and prints a table. The same is
measured with the frames in an S3 of this machine, where that peer is installed.
"""

import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SLICES, SIZE, CLIENTS, SECONDS, WARM_S = 40, 512, 4, 10, 2
SECRET = "for-the-bench-alone"  # noqa: S105 of a server that lives for a minute


def main() -> None:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="lightbox-bench-") as folder:
        local = _measure(Path(folder), f"file://{folder}/store")
        s3 = _measure_s3(Path(folder)) if find_spec("moto") else None
    found = {"figures": local, "notes": {"with_s3_on_loopback": s3, **_machine()}}
    target = ROOT / "bench" / "results" / "frames.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n")
    _show(found)


def _measure_s3(folder: Path) -> dict[str, float]:
    """The peer runs in this process: it is part of what is measured."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="bench")
    try:
        (folder / "s3").mkdir()
        return _measure(
            folder / "s3", f"s3://bench/frames?endpoint={endpoint}&region=us-east-1", seconds=4
        )
    finally:
        server.stop()


def _measure(folder: Path, store_url: str, *, seconds: float = SECONDS) -> dict[str, float]:
    environment = _environment(folder, store_url)
    made = _run(environment, "-c", "from bench.frames import make_series; make_series()")
    with _serving(environment) as port:
        asked = json.loads(made) | {"port": port}
        _ask(folder, asked | {"seconds": WARM_S})
        return _figures(*_ask(folder, asked | {"seconds": seconds}))


def make_series() -> None:
    """In a process with the server's settings: a series with all its frames, as the worker does."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from bench._frames_series import made

    sys.stdout.write(json.dumps(made(SLICES, SIZE)))


def _environment(folder: Path, store_url: str) -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {
        **{"DJANGO_SETTINGS_MODULE": "mdt.settings", "VAR_DIR": str(folder)},
        **{"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "127.0.0.1", "STORE_URL": store_url},
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
    }


def _run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 a fixed command
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[int]:
    """The port of one web process, as the Procfile starts it."""
    from tests.ports import free_port

    port = free_port()
    command = [*(sys.executable, "-m", "daphne"), "-b", "127.0.0.1", "-v", "0", "-p", str(port)]
    server = subprocess.Popen(  # noqa: S603 a fixed command
        [*command, "--no-server-name", "mdt.asgi:application"], cwd=ROOT, env=environment
    )
    try:
        _wait_until_ready(port)
        yield port
    finally:
        server.kill()
        server.wait()


def _wait_until_ready(port: int) -> None:
    import httpx

    for _ in range(300):
        try:
            httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the web process does not come up")


def _ask(folder: Path, asked: dict[str, Any]) -> tuple[list[float], float]:
    """Milliseconds of every answer to every client, and the seconds they took together."""
    running = []
    for number in range(CLIENTS):
        told = folder / f"client{number}.json"
        told.write_text(json.dumps(asked | {"seed": number}))
        command = [sys.executable, str(ROOT / "bench" / "_frames_client.py"), str(told)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE))  # noqa: S603
    answers: list[float] = []
    for client in running:
        out, _ = client.communicate()
        if client.returncode:
            raise RuntimeError("a client was refused")
        answers += json.loads(out)
    return answers, asked["seconds"]


def _figures(answers: list[float], seconds: float) -> dict[str, float]:
    answers.sort()
    return {
        "frames_per_s": round(len(answers) / seconds, 1),
        "p50_ms": round(answers[len(answers) // 2], 2),
        "p99_ms": round(answers[int(len(answers) * 0.99)], 2),
    }


def _machine() -> dict[str, Any]:
    return {
        "clients": CLIENTS,
        "slices": f"{SLICES} of {SIZE} x {SIZE} x 16 bit with noise",
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_at_end": [round(load, 1) for load in os.getloadavg()],
    }


def _show(found: dict[str, Any]) -> None:
    lines = [f"{name:32}{value:>12.2f}" for name, value in found["figures"].items()]
    lines += ["", *(f"{name}: {value}" for name, value in found["notes"].items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
