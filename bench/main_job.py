"""The figures of the whole job: `python bench/main_job.py [clone|first|scroll|remote ...]`.

Writes bench/results/main_job.json and prints a table. With names of parts it measures only
those and writes nothing.
"""

import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("first", "scroll", "remote")
AIMS = {
    "clone_to_ready_s": 120,
    "first_full_res_ms": 600,
    "scroll_per_s": 40,
    "remote_paint_vs_control_p50": 1.3,
}
UNITS = {"s": "s", "ms": "ms", "per_s": "/s"}


def main(names: list[str]) -> None:
    _prepare()
    found = _measured(names or ["clone", *PARTS])
    found["machine"] = _machine()
    _show(found)
    if not names:
        target = ROOT / "bench" / "results" / "main_job.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(found, indent=2) + "\n")


def _prepare() -> None:
    """Django as the demo has it: the made-up people and the reference renderer come from it."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DEMO": "1", "DJANGO_SETTINGS_MODULE": "mdt.settings"}
    import django

    django.setup()


def _measured(names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"figures": {}, "ratios": {}, "notes": {}}
    if "clone" in names:
        from bench import _clone

        _take(found, _clone.measure())
    in_product = [name for name in PARTS if name in names]
    if in_product:
        with tempfile.TemporaryDirectory(prefix="lightbox-bench-") as folder:
            _measure_in_product(in_product, Path(folder), found)
    return found


def _measure_in_product(names: list[str], folder: Path, found: dict[str, Any]) -> None:
    from bench import _first, _ready, _remote, _scroll
    from tests.e2e.product import running

    measures = {"first": _first.measure, "scroll": _scroll.measure, "remote": _remote.measure}
    with running(folder) as product:
        _ready.wait_for_lights(product.url, within_s=300)
        for name in names:
            _take(found, asyncio.run(measures[name](product)))


def _take(found: dict[str, Any], part: dict[str, Any]) -> None:
    for name, values in part.items():
        found[name] |= values


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_at_end": [round(load, 1) for load in os.getloadavg()],
        "graphics": "Chromium with SwiftShader: no graphics card",
    }


def _show(found: dict[str, Any]) -> None:
    lines = [f"{'figure':32}{'found':>12}{'aim':>10}"]
    for name, value in (found["figures"] | found["ratios"]).items():
        lines.append(f"{name:32}{value:>12.2f}{AIMS.get(name, ''):>10}")
    lines += ["", *(f"{name}: {value}" for name, value in found["notes"].items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
