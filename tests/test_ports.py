"""Ports for servers: given to one only, and to no outgoing connection."""

import subprocess
import sys
from pathlib import Path

from mdt import embedded
from tests import ports

ASKED = "from tests.ports import free_port; print(*(free_port() for _ in range(50))); input()"


def test_runs_beside_each_other_are_never_given_one_port():
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ASKED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    given = [process.stdout.readline().split() for process in started]
    ours = [str(ports.free_port()) for _ in range(50)]
    for process in started:
        process.communicate("\n")
    every = sum(given, ours)
    assert len(every) == len(set(every)) == 200


def test_no_port_for_a_server_is_one_that_the_system_gives_to_a_connection():
    lowest, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert ports.free_port() < int(lowest)
    assert embedded.free_port() < int(lowest)
