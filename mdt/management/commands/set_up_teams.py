import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mdt.teams.plan import BadPlan, parse
from mdt.teams.set_up import set_up


class Command(BaseCommand):
    help = "Make trusts, sites, people, teams and agreements as a file says (docs/set-up.md)"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a TOML file, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plan = parse(_text_of(options["file"]))
            first_passwords = set_up(plan)
        except BadPlan as wrong:
            raise CommandError(f"Nothing has been changed.\n{wrong.message}") from wrong
        self.stdout.write(f"{len(plan.people)} people and {len(plan.teams)} teams are as it says")
        for username, password in first_passwords:
            self.stdout.write(f"First password of {username}, not shown again: {password}")


def _text_of(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError("The file cannot be read") from error
