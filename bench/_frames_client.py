"""One browser's worth of requests for frames, as fast as they are answered.

`python bench/_frames_client.py <file>`: reads what to ask from a JSON file {port, path, grant,
ranges, seconds, seed} and prints the milliseconds of each answer as JSON.
"""

import http.client
import json
import random
import sys
import time
from pathlib import Path


def main(path: str) -> None:
    asked = json.loads(Path(path).read_text())
    choose = random.Random(asked["seed"])  # noqa: S311 the same frames each time
    server = http.client.HTTPConnection("127.0.0.1", asked["port"], timeout=30)
    answers = []
    end = time.monotonic() + asked["seconds"]
    while time.monotonic() < end:
        segment, first, last = choose.choice(asked["ranges"])
        headers = {"X-View-Grant": asked["grant"], "Range": f"bytes={first}-{last}"}
        begun = time.perf_counter()
        server.request("GET", f"{asked['path']}/segments/{segment}", headers=headers)
        answer = server.getresponse()
        data = answer.read()
        answers.append((time.perf_counter() - begun) * 1000)
        if answer.status != 206 or len(data) != last - first + 1:
            raise SystemExit(f"{answer.status}, {len(data)} bytes")
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])
