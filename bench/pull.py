"""The figures of a pull: `python bench/pull.py [compared|kill|worker ...]`.

300 made CT slices of 512 x 512 from Orthanc on loopback. Writes bench/results/pull.json and prints
a table. With names of parts it measures only those and writes nothing.
"""

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("compared", "kill", "worker")
AIMS = {
    "plan_ms_per_archive_p50": 500,
    "first_frame_ms": 100,
    "slices300_s": 3,
    "instances_refetched_after_kill_per_connection": 1,
    "vs_bare_stream": 3,
    "vs_dicomweb_client": 1,
    "vs_getscu": 4,
}


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="lightbox-bench-") as folder:
        found = _measured(names or list(PARTS), Path(folder))
    _show(found)
    if not names:
        target = ROOT / "bench" / "results" / "pull.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(found, indent=2) + "\n")


def _measured(names: list[str], folder: Path) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    from bench import _pull_world

    os.environ |= _pull_world.environment_of(folder)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from bench import _pull_compared, _pull_kill, _pull_worker

    measures = {
        "compared": _pull_compared.measure,
        "kill": _pull_kill.measure,
        "worker": _pull_worker.measure,
    }
    found: dict[str, Any] = {"figures": {}, "ratios": {}, "notes": {}}
    loads = [_load()]
    with _pull_world.world(folder, archives=4 if "worker" in names else 1) as here:
        for name in names:
            for part, values in measures[name](here).items():
                found[part] |= values
            loads.append(_load())
    found["machine"] = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_before_and_after_each_part": loads,
    }
    return found


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def _show(found: dict[str, Any]) -> None:
    lines = [f"{'figure':48}{'found':>10}{'aim':>8}"]
    for name, value in (found["figures"] | found["ratios"]).items():
        lines.append(f"{name:48}{value:>10.2f}{AIMS.get(name, ''):>8}")
    lines += ["", *(f"{name}: {value}" for name, value in found["notes"].items())]
    lines.append(f"machine: {found['machine']}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
