"""Where each demo archive listens: chosen once, kept, and chosen again when somebody took it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mdt.demo.make import folder
from mdt.demo.places import ARCHIVES, DemoArchive
from mdt.embedded import free_port, is_free

NOBODY = 9  # the discard port: refused at once, and no ordinary process may take it


@dataclass(frozen=True)
class Ports:
    dimse: int
    http: int

    @property
    def are_free(self) -> bool:
        return NOBODY in (self.dimse, self.http) or (is_free(self.dimse) and is_free(self.http))


def assign() -> dict[str, Ports]:
    """Ports for every archive, those of the last time where they are still free."""
    known = load()
    ports = {archive.name: _keep_or_choose(archive, known) for archive in ARCHIVES}
    folder().mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: asdict(pair) for name, pair in ports.items()}, indent=1)
    _path().write_text(text)
    return ports


def load() -> dict[str, Ports]:
    """As assigned last; empty before that."""
    try:
        return {name: Ports(**pair) for name, pair in json.loads(_path().read_text()).items()}
    except (OSError, ValueError, TypeError):
        return {}


def _keep_or_choose(archive: DemoArchive, known: dict[str, Ports]) -> Ports:
    if archive.server == "nobody":
        return Ports(NOBODY, NOBODY)
    before = known.get(archive.name)
    return before if before and before.are_free else Ports(free_port(), free_port())


def _path() -> Path:
    return folder() / "ports.json"
