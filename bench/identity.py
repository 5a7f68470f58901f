"""Whose studies are taken for whose, and which are chosen: `python bench/identity.py`.

Writes bench/results/identity.json and prints a table. Nothing runs but the rules, over the
committed corpora of tests/imaging/corpus.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
AIMS = {"needs_a_person_pct": "<= 2", "false_same": "0", "missed_same_pct": "0"}


def main() -> None:
    _prepare()
    found = _measured()
    target = ROOT / "bench" / "results" / "identity.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n")
    _show(found)


def _prepare() -> None:
    """Django as the demo has it: the rules' starting values come from its models."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DEMO": "1", "DJANGO_SETTINGS_MODULE": "mdt.settings"}
    import django

    django.setup()


def _measured() -> dict[str, Any]:
    from bench import _identity, _relevance

    found = _identity.measure()
    found["figures"] |= _relevance.measure()
    return found


def _show(found: dict[str, Any]) -> None:
    lines = [f"{'figure':32}{'found':>12}{'aim':>10}"]
    for name, value in found["figures"].items():
        lines.append(f"{name:32}{value:>12.2f}{AIMS.get(name, ''):>10}")
    lines += ["", *(f"{name}: {value}" for name, value in found["notes"].items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
