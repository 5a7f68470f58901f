"""Ends processes of the product with SIGKILL at moments the seed decides, and starts them again."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep

from tests.e2e.product import Product

WEBS = ("web", "web2")
CHILD = "worker's child"
KINDS = (*WEBS, "worker", CHILD, "valkey")
PAUSE_S = (3.5, 8.0)
DOWN_S = (0.1, 2.5)
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Strike:
    """`after_s` the last one; `kind` is whom, `down_s` how long they stay away."""

    after_s: float
    kind: str
    down_s: float


def strikes(chance: Random) -> "list[Strike]":
    """More than any soak needs: every kind once before any comes again."""
    found = []
    for _ in range(2000):
        for kind in chance.sample(KINDS, len(KINDS)):
            found.append(Strike(chance.uniform(*PAUSE_S), kind, chance.uniform(*DOWN_S)))
    return found


@dataclass(frozen=True)
class Size:
    """Resident memory of one life of a web process."""

    name: str
    pid: int
    age_s: float
    mib: float


@dataclass
class Killer:
    """It ends only what `product` has started."""

    product: Product
    second_port: int
    killed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    _since: float = field(default_factory=monotonic)
    _born: dict[str, float] = field(default_factory=dict)

    def start(self, name: str) -> None:
        if name == "web2":
            self.product.start(name, line="web", WEB_PORT=str(self.second_port))
        else:
            self.product.start(name)
        self._born[name] = monotonic()

    async def work(self, plan: list[Strike]) -> None:
        """Until cancelled; then everything is up again."""
        down: set[asyncio.Task[None]] = set()
        try:
            for strike in plan:
                await asyncio.sleep(strike.after_s)
                if self._kill(strike.kind) and strike.kind != CHILD:
                    back = asyncio.create_task(self._come_back(strike))
                    down.add(back)
                    back.add_done_callback(down.discard)
        finally:
            await asyncio.gather(*down)

    async def watch(self) -> None:
        """Each second: how big the web processes are, and whether anything ended by itself."""
        while True:
            for name, process in list(self.product.processes.items()):
                if process.poll() is not None:
                    self.faults.append(f"{name} ended by itself with {process.returncode}")
                    self.product.processes.pop(name)
                    self.start(name)
                elif name in WEBS:
                    self._weigh(name, process.pid)
            await asyncio.sleep(1)

    def _kill(self, kind: str) -> bool:
        name = "worker" if kind == CHILD else kind
        process = self.product.processes.get(name)
        if process is None or process.poll() is not None:
            return False
        if kind == CHILD:
            workers = children_of(process.pid)  # of what keeps the worker running: one
            children = children_of(workers[0]) if workers else []
            if not children:
                return False
            os.kill(children[-1], signal.SIGKILL)
        else:
            self.product.kill(name)
        self.killed[kind] += 1
        return True

    async def _come_back(self, strike: Strike) -> None:
        await asyncio.sleep(strike.down_s)
        self.start(strike.kind)

    def _weigh(self, name: str, pid: int) -> None:
        age = monotonic() - self._born.get(name, self._since)
        with suppress(OSError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.sizes.append(Size(name, pid, age, pages * PAGE / 2**20))


def children_of(pid: int) -> list[int]:
    """Oldest first."""
    with suppress(OSError):
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def left_over(folder: Path, *, within_s: float = 5) -> list[str]:
    """What still runs of the product, once its own processes have had a moment to end theirs."""
    end = monotonic() + within_s
    while (found := _running_in(folder)) and monotonic() < end:
        sleep(0.2)
    return found


def _running_in(folder: Path) -> list[str]:
    """Command lines of what was started with the product's folder in its environment."""
    mark = f"VAR_DIR={folder}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                found.append((environment.parent / "cmdline").read_bytes().replace(b"\0", b" "))
    return [line.decode(errors="replace") for line in found]
