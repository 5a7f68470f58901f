"""What the commands of one machine write, refuse and report."""

import ast
import importlib
import inspect
import re
import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command

from mdt import logs
from mdt.demo import seed
from mdt.embedded import free_port, is_free, run_env_path
from mdt.management.commands.check_tree import faults_in
from mdt.management.commands.demo_archives import welcome
from mdt.management.commands.doctor import Finding, examine

RARELY_RUN = [
    ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
    for folder in ("bench", "tests/soak")
    for path in sorted((settings.BASE_DIR / folder).glob("*.py"))
]


@pytest.mark.parametrize("name", RARELY_RUN)
def test_what_is_seldom_run_still_finds_what_it_uses(name):
    assert not_found_by(importlib.import_module(name)) == []


def not_found_by(module):
    """What a module takes from others by their names (`store.get`) and they do not have."""
    found = vars(module)
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and inspect.ismodule(found.get(node.value.id))
        and not hasattr(found[node.value.id], node.attr)
    ]


@pytest.mark.parametrize("name", [name for name in RARELY_RUN if re.match(r"bench\.[a-z]", name)])
def test_every_benchmark_of_make_bench_has_what_is_run(name):
    module = importlib.import_module(name)
    assert callable(module.main)
    assert 'if __name__ == "__main__":' in Path(module.__file__).read_text()


@pytest.fixture
def var(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    settings.STORE_URL = f"file://{tmp_path}/store"
    return tmp_path


def run_env():
    return dict(line.split("=", 1) for line in run_env_path().read_text().splitlines())


@pytest.mark.django_db
def test_the_processes_of_a_machine_share_one_file_that_only_its_owner_reads(var, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    port = free_port()
    call_command("prepare_run", port=port, stdout=StringIO())
    assert stat.S_IMODE(run_env_path().stat().st_mode) == 0o600
    told = run_env()
    assert (told["WEB_PORT"], told["WEB_HOST"]) == (str(port), "127.0.0.1")
    bus = urlsplit(told["REDIS_URL"])
    assert (bus.scheme, bus.hostname) == ("redis", "127.0.0.1")
    assert len(bus.password) > 20


@pytest.mark.django_db
def test_the_product_does_not_start_on_a_database_of_the_demo(var, settings):
    settings.DEMO = False
    call_command("prepare_run", port=free_port(), stdout=StringIO())
    seed.seed_team()
    before = run_env_path().read_text()
    with pytest.raises(CommandError, match="DATABASE_URL"):
        call_command("prepare_run", port=free_port(), stdout=StringIO())
    assert run_env_path().read_text() == before


@pytest.mark.django_db
def test_a_bus_of_ones_own_is_kept(var, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://bus.example/0")
    call_command("prepare_run", port=free_port(), stdout=StringIO())
    assert run_env()["REDIS_URL"] == "redis://bus.example/0"


@pytest.mark.django_db
def test_every_run_has_another_password(var, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    passwords = set()
    for _ in range(2):
        call_command("prepare_run", port=free_port(), stdout=StringIO())
        passwords.add(urlsplit(run_env()["REDIS_URL"]).password)
    assert len(passwords) == 2


def test_a_port_that_is_taken_is_refused_in_words(var, live_server):
    taken = urlsplit(live_server.url).port
    with pytest.raises(CommandError, match=f"Port {taken} is taken"):
        call_command("prepare_run", port=taken)


@pytest.fixture
def valkey(tmp_path, settings):
    """The embedded server as Procfile starts it; returns its URL and a way to kill and restart."""
    url = f"redis://:of-this-test@127.0.0.1:{free_port()}/0"
    environment = {
        "DEMO": "1",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "REDIS_URL": url,
        "PATH": "/usr/bin:/bin",
    }
    started = []

    def start():
        command = [sys.executable, "manage.py", "embedded_valkey"]
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL
        )
        started.append(process)
        while is_free(urlsplit(url).port):
            assert process.poll() is None
        return process

    yield url, start
    for process in started:
        process.kill()
        process.wait()


def test_the_embedded_bus_wants_its_password_and_outlives_a_kill(valkey, tmp_path):
    url, start = valkey
    process = start()
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
    stranger = redis.Redis(port=urlsplit(url).port)
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url(url) as client:
        client.execute_command("WAITAOF", 1, 0, 3000)
    process.kill()
    process.wait()
    start()
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"yes"


def test_the_bus_needs_its_url(settings):
    settings.REDIS_URL = ""
    with pytest.raises(CommandError, match="REDIS_URL"):
        call_command("embedded_valkey")


@pytest.mark.django_db
def test_the_doctor_says_what_is_there_and_what_is_not(var):
    found = {finding.what: finding for finding in examine()}
    assert found["database"].is_well
    assert found["store is writable"].is_well
    assert not found["bus"].is_well
    assert not found["bus"].needed
    assert "make seed" in str(found["demo studies"])


@pytest.mark.django_db
def test_the_doctor_fails_when_something_needed_is_missing(var, monkeypatch):
    lacking = [Finding("store is writable", is_well=False, advice="mend it")]
    monkeypatch.setattr("mdt.management.commands.doctor.examine", lambda: lacking)
    said = StringIO()
    with pytest.raises(CommandError, match="1 of 1 missing"):
        call_command("doctor", stdout=said)
    assert said.getvalue() == "MISSING store is writable: mend it\n"


@pytest.mark.django_db
def test_the_doctor_names_a_bus_that_does_not_answer(var, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    bus = next(finding for finding in examine() if finding.what == "bus")
    assert (bus.is_well, bus.needed, bus.advice) == (False, True, "ConnectionError")


def test_a_newcomer_is_told_where_to_go_and_as_whom():
    said = welcome("http://127.0.0.1:8000")
    assert "http://127.0.0.1:8000" in said
    for name in ("coordinator", "chair", "radiologist", "consultant", "stranger"):
        assert f"  {name} " in said


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("-----BEGIN RSA PRIVATE " + "KEY-----", "a private key"),
        ("AKIA" + "A" * 16, "an access key"),
        ("redis://me:" + "secretive@bus/0", "a password in a URL"),
        ("https://registry." + "npmjs.org/x", "a package registry's address"),
        ("open('/" + "home/me/x')", "a path of somebody's machine"),
        ("nhs = '94347" + "65870'", "an NHS number outside the test range"),
    ],
)
def test_what_no_file_may_say_is_found(line, what):
    assert list(faults_in(line)) == [what]


@pytest.mark.parametrize(
    "line",
    [
        "nhs = '9990000018'",
        "the worked example 943 476 5919",
        "1234567890 is no NHS number",
        "redis://:pass@127.0.0.1:6379/0",
        "/static/js/room/protocol.js",
    ],
)
def test_what_a_file_may_say_is_let_be(line):
    assert list(faults_in(line)) == []


@pytest.mark.parametrize(
    "text",
    [
        "study of 9990000018",
        "study of 999 000 0018",
        "series 2.25.116214476578173879343958003449285953559",
        "UID 1.2.840.113619.2.55.3",
        "DETAIL:  Key (family_name)=(KHAN) already exists.",
    ],
)
def test_a_log_line_names_nobody(text):
    masked = logs.mask(text)
    assert logs.MASK in masked
    assert not {"9990000018", "000 0018", "KHAN", "113619", "7657817"} & {
        part for part in ("9990000018", "000 0018", "KHAN", "113619", "7657817") if part in masked
    }


def test_a_log_line_keeps_what_helps():
    line = "GET /api/cases/k3XwPq81LmZ0aBcD took 1234 ms, version 1.2.3, port 8000"
    assert logs.mask(line) == line


def test_a_traceback_is_masked_too():
    record = logs.logging.LogRecord("mdt", 40, "x.py", 1, "lost %s", ("9990000018",), None)
    assert logs.MaskingFormatter("{message}", style="{").format(record) == f"lost {logs.MASK}"


@pytest.mark.django_db
@pytest.mark.parametrize(("host", "status"), [("testserver", 200), ("elsewhere.example", 400)])
def test_a_host_that_is_not_ours_is_refused(host, status, client):
    assert client.get("/sign-in", headers={"host": host}).status_code == status
