import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from mdt.reports.listen import listen


class Command(BaseCommand):
    help = "Take reports that systems send by HL7 v2 (ORU^R01 over MLLP), until told to stop"

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_until_told())


async def _until_told() -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    await listen(told_to_stop)
