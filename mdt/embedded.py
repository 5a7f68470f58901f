"""The embedded size: a Valkey server of our own, and what `make run` and `make serve` agree on.

The processes learn of each other from one file of environment variables, which honcho reads.
"""

import os
import random
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

PORTS = range(20_000, 26_000)


def free_port() -> int:
    """A loopback TCP port that nobody uses now. Raises RuntimeError where there is none.

    Never one of those that the system gives to outgoing connections (from 32768 on): such a
    connection could take it before the server that is meant to listen there has started.
    """
    for port in random.sample(PORTS, 50):
        if is_free_to_bind(port):
            return port
    raise RuntimeError("fifty loopback ports in turn are in use")


def is_free_to_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def run_env_path() -> Path:
    return Path(settings.VAR_DIR) / "run.env"


def write_run_env(**values: str) -> None:
    """Only its owner may read it: it carries the bus' password."""
    path = run_env_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def new_valkey_url() -> str:
    return f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{free_port()}/0"


def valkey_config(url: str, folder: Path) -> str:
    """The server's settings for a URL of ours: durable at every second, loopback, a password."""
    parts = urlsplit(url)
    lines = [
        "bind 127.0.0.1",
        f"port {parts.port}",
        f"requirepass {parts.password}",
        f"dir {folder}",
        "appendonly yes",
        'save ""',
        "loglevel warning",
    ]
    return "\n".join(lines) + "\n"
