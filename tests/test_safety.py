"""The hazard log holds: every test it names exists and is run (docs/safety/hazards.toml)."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HAZARDS = tomllib.loads((ROOT / "docs/safety/hazards.toml").read_text())["hazard"]
COLUMNS = {"id", "hazard", "cause", "effect", "control", "tests"}
OPEN = {"why_open", "held_in_part_by"}  # besides, where the main part of a control is not built


def named_by(row):
    return row.get("held_in_part_by", []) if row["tests"] == "open" else row["tests"]


NAMED = [(row["id"], test) for row in HAZARDS for test in named_by(row)]
JS_TEST = re.compile(r"""^\s*test\((?P<mark>["'`])(?P<title>.+?)(?P=mark)""", re.MULTILINE)
NOT_RUN = re.compile(r"\b(skip|skipif|xfail)\b")


def run_in(path):
    """The names of the tests in a file that are run: Python functions, or titles in JS."""
    source = path.read_text()
    if path.suffix == ".js":
        return {match["title"] for match in JS_TEST.finditer(source)}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    return {node.name for node in found if not is_switched_off(node)}


def is_switched_off(node):
    return any(NOT_RUN.search(ast.unparse(decorator)) for decorator in node.decorator_list)


@pytest.mark.parametrize(("hazard", "test"), NAMED, ids=[f"{h}-{t}" for h, t in NAMED])
def test_every_test_a_hazard_names_exists_and_is_run(hazard, test):
    path, _, name = test.partition("::")
    assert (ROOT / path).is_file(), f"{hazard} names a file that is gone"
    assert name in run_in(ROOT / path), f"{hazard} names a test that is gone or switched off"


@pytest.mark.parametrize("row", HAZARDS, ids=[row["id"] for row in HAZARDS])
def test_every_hazard_says_all_it_must(row):
    is_open = row["tests"] == "open"
    assert set(row) == COLUMNS | (OPEN if is_open else set())
    assert all(row.values())
    assert is_open or isinstance(row["tests"], list)


def test_no_hazard_is_counted_twice():
    ids = [row["id"] for row in HAZARDS]
    assert len(ids) == len(set(ids))


def test_a_switched_off_test_proves_nothing():
    kept = "def test_a(): pass\n@pytest.mark.skip(reason='x')\ndef test_b(): pass\n"
    off = [is_switched_off(node) for node in ast.parse(kept).body]
    assert off == [False, True]
