"""How often a study needs a person, and whether anybody's is taken for another's.

Measured on the committed corpus (tests/imaging/corpus): its realistic part is a mix we estimated
ourselves, so the percentage says how the rules treat that mix, not how often a trust is asked.
"""

from typing import Any

from tests.imaging.corpus import measure as corpus


def measure() -> dict[str, Any]:
    judged = [corpus.judge(line) for line in corpus.corpus()]
    parts = [one.line["part"] for one in judged]
    return {
        "figures": corpus.figures(judged),
        "notes": {"studies": {part: parts.count(part) for part in sorted(set(parts))}},
    }
