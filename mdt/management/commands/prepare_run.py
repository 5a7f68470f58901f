import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mdt.demo import ports
from mdt.demo.seed import holds_the_demo
from mdt.embedded import is_free, new_valkey_url, run_env_path, write_run_env


class Command(BaseCommand):
    help = "Write var/run.env: what the processes of one machine must know of each other"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the pages will be")
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_free(options["port"]):
            raise CommandError(
                f"Port {options['port']} is taken. Choose another: make run PORT=8001"
            )
        if not settings.DEMO and holds_the_demo():
            raise CommandError(
                "This database holds the demo's made-up people and patients. Name another by "
                "DATABASE_URL or VAR_DIR."
            )
        write_run_env(
            WEB_HOST=options["host"],
            WEB_PORT=str(options["port"]),
            REDIS_URL=os.environ.get("REDIS_URL") or new_valkey_url(),
            VAR_DIR=str(settings.VAR_DIR),
        )
        if settings.DEMO:
            ports.assign()
        self.stdout.write(f"Wrote {run_env_path().name}")
