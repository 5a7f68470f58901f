"""A decoder that never answers about some files: `python -m tests.imaging.hostile.hanging KIND`.

At requests of this kind it hangs for good, if the file says HANGS. No codec that loops on order is
at hand: HTJ2K's did on one damaged frame in ninety.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from imaging.frames import decoder

METHODS = {"header": ("_header", "_headers"), "frame": ("_frame",)}
Answers = Callable[[Any, dict[str, Any], bytes], Any]
MARK = b"HANGS"


def main(kind: str) -> None:
    opened: list[bytes] = []

    def open_file(answers: Answers, mine: Any, head: dict[str, Any], body: bytes) -> Any:
        opened[:] = [body]  # a frame is asked for without its file
        return answers(mine, head, body)

    def hang(answers: Answers, mine: Any, head: dict[str, Any], body: bytes) -> Any:
        while any(MARK in data for data in (body, *opened)):
            time.sleep(1)
        return answers(mine, head, body)

    replace("_open_file", open_file)
    for name in METHODS[kind]:
        replace(name, hang)
    decoder.main()


def replace(name: str, by: Callable[..., Any]) -> None:
    setattr(decoder.Decoder, name, instead(by, getattr(decoder.Decoder, name)))


def instead(by: Callable[..., Any], answers: Answers) -> Answers:
    return lambda mine, head, body: by(answers, mine, head, body)


if __name__ == "__main__":
    main(sys.argv[1])
