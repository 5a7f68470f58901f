import json
import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

TARGET = settings.BASE_DIR / "var/vendor/vendor"
# The licensed font is fetched from a host of its own: the policy forbids it and a trust's
# network may too. Without the rule the system's font stack is used.
FONT_FACE = re.compile(r"@font-face\{[^}]*\}")
SOURCE_MAP = re.compile(r"(//|/\*)# sourceMappingURL=\S+( \*/)?")  # the maps are not served


class Command(BaseCommand):
    help = "Copy the files of static/vendor.json from node_modules to where static files are found"

    def handle(self, *args: Any, **options: Any) -> None:
        listed = json.loads((settings.BASE_DIR / "static/vendor.json").read_text())
        shutil.rmtree(TARGET, ignore_errors=True)
        for name, source in listed.items():
            _copy(settings.BASE_DIR / "node_modules" / source, TARGET / name)
        self.stdout.write(f"{len(listed)} files")


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise CommandError(f"{source.name} is not in node_modules: run npm ci --ignore-scripts")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix in (".css", ".js"):
        text = FONT_FACE.sub("", source.read_text())
        target.write_text(SOURCE_MAP.sub("", text))
    else:
        shutil.copyfile(source, target)
