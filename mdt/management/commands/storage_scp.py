import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from imaging.scp.run import run


class Command(BaseCommand):
    help = "Take what archives send by C-MOVE, or push, until told to stop"

    def handle(self, *args: Any, **options: Any) -> None:
        told_to_stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told_to_stop.set())
        run(told_to_stop)
