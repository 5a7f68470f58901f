import contextlib
import signal
import time
from pathlib import Path
from threading import Event
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from mdt.demo import drawn, make, servers
from mdt.demo.people import PASSWORD, SIGN_INS

READY_WITHIN_S = 60
DRAW_EVERY_S = 2


class Command(BaseCommand):
    help = "Serve the demo's archives until told to stop; with --welcome, say when all is ready"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--welcome", metavar="URL", help="where the pages will be")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("These archives are for DEMO=1 only")
        if not make.is_fresh():
            raise CommandError("There are no demo studies: run manage.py seed_demo first")
        told_to_stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told_to_stop.set())
        with servers.running():
            self.stdout.write("All archives listen and hold their studies.")
            if options["welcome"]:
                self._welcome(options["welcome"], told_to_stop)
            self._draw_when_there(told_to_stop)
            told_to_stop.wait()

    def _draw_when_there(self, told_to_stop: Event) -> None:
        """What the past meeting drew, once its picture has come. A busy database is asked again."""
        is_drawn = False
        while not is_drawn and not told_to_stop.wait(DRAW_EVERY_S):
            with contextlib.suppress(DatabaseError):
                is_drawn = drawn.draw()

    def _welcome(self, url: str, told_to_stop: Event) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while not told_to_stop.is_set() and time.monotonic() < end:
            if _is_ready(url):
                self.stdout.write(welcome(url))
                return
            told_to_stop.wait(0.3)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).is_success
    except httpx.TransportError:
        return False


def welcome(url: str) -> str:
    """What a newcomer needs to begin, in a box that stands out of the log."""
    width = max(len(name) for name, _ in SIGN_INS)
    lines = [
        f"Lightbox is ready: {url}",
        f"Sign in with the password {PASSWORD} as",
        *[f"  {name:{width}}  {who}" for name, who in SIGN_INS],
        "Ctrl-C ends everything. What it keeps is in " + str(Path(settings.VAR_DIR).name) + "/.",
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join(["", rule, *lines, rule])
