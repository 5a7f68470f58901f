import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mdt.demo import make, meetings, ports, reports, seed


class Command(BaseCommand):
    help = "Make the demo: its studies in var/demo, its team, patients and meetings. Idempotent"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Demo data needs DEMO=1; it must never meet real patients")
        if not make.is_fresh():
            started = time.monotonic()
            count = make.make_files()
            self.stdout.write(f"Made {count} DICOM files in {time.monotonic() - started:.1f} s")
        ports.assign()
        seed.seed_archives()
        team = seed.seed_team()
        meetings.seed_patients()
        meetings.seed_meetings(team)
        reports.seed_reports()
        self.stdout.write(f"Demo data is there: {team.name}, {team.meetings.count()} meetings")
