"""A program that fails is started again; one that ends well, or is told to end, is not."""

import signal
import subprocess
import sys
import time

import pytest

FAILS_TWICE = """
import pathlib, sys
runs = pathlib.Path(sys.argv[1])
runs.write_text(runs.read_text() + "x")
sys.exit(0 if len(runs.read_text()) == 3 else 1)
"""
WAITS = """
import pathlib, sys, time
runs = pathlib.Path(sys.argv[1])
runs.write_text(runs.read_text() + "x")
time.sleep(60)
"""


@pytest.fixture
def runs(tmp_path):
    path = tmp_path / "runs"
    path.write_text("")
    return path


def keep(program, runs):
    command = [sys.executable, "-m", "mdt.keep_running", sys.executable, "-c", program, str(runs)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_program_that_fails_is_started_again_until_it_ends_well(runs):
    keeper = keep(FAILS_TWICE, runs)
    _, said = keeper.communicate(timeout=20)
    assert (keeper.returncode, runs.read_text()) == (0, "xxx")
    assert said.count("ended with 1 and is started again") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_told_to_end_is_not_started_again(runs, number):
    keeper = keep(WAITS, runs)
    end = time.monotonic() + 10
    while not runs.read_text() and time.monotonic() < end:
        time.sleep(0.02)
    keeper.send_signal(number)
    keeper.communicate(timeout=10)
    time.sleep(1.5)  # longer than its pause
    assert (keeper.returncode != 0, runs.read_text()) == (True, "x")
