"""From the presenter's wheel to the follower's canvas, beside the least that two pages can do.

Product and control take turns, so that whatever else the machine does hits both.
"""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import Any

from playwright.async_api import Browser, Page, expect

from bench import _room
from tests.e2e.product import ROOT, Product

ROUNDS, STEPS = 12, 10
ROUNDS_ALONE = 4
PAUSE_S = (0.12, 0.45)
SEEN_WITHIN_S = 3
Latency = Callable[[], Awaitable[float]]


async def measure(product: Product) -> dict[str, Any]:
    async with _room.chromiums(4) as browsers, _relay() as relay:
        pair = await _product_pair(product, *browsers[:2])
        control = await _control_pair(relay, *browsers[2:])
        await _turns(pair, control, ROUNDS)
        found = _told(pair, control)
        found["notes"] |= await _alone(pair, control)
    return found


async def _alone(pair: "ProductPair", control: "ControlPair") -> dict[str, float]:
    """The same while the presenter's screen stands still, as the control's sender's does.

    In the room presenter and follower are two computers. Here the compositors of both browsers,
    each in software, share the processors at the very moment that is measured.
    """
    await pair.presenter.evaluate(_STAND_STILL)
    pair, control = replace(pair, took=[], stages=[]), replace(control, took=[], stages=[])
    await _turns(pair, control, ROUNDS_ALONE)
    ours, theirs = median(pair.took), median(control.took)
    return {
        "remote_paint_p50_ms_presenter_still": round(ours, 1),
        "remote_paint_vs_control_p50_presenter_still": round(ours / theirs, 3),
    }


_STAND_STILL = """() => {
  const proto = WebGL2RenderingContext.prototype;
  for (const name of ["clear", "drawArrays", "texSubImage2D"]) proto[name] = () => {};
  for (const words of document.querySelectorAll(".pane-captions")) words.style.display = "none";
}"""


async def _turns(pair: "ProductPair", control: "ControlPair", rounds: int) -> None:
    dice = random.Random(2)  # noqa: S311 pauses, not secrets
    for _ in range(rounds):
        for one in (pair, control):
            for _ in range(STEPS):
                await asyncio.sleep(dice.uniform(*PAUSE_S))
                one.took.append(await one.step())


@dataclass
class ProductPair:
    """A presenter and a follower in the room. `marks` are what each frame looks like."""

    presenter: Page
    follower: Page
    marks: list[int]
    at: int = 0
    direction: int = 1
    took: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    async def step(self) -> float:
        """Milliseconds from one wheel event to the first reading of its frame over there."""
        if not 0 <= self.at + self.direction < len(self.marks):
            self.direction = -self.direction
        self.at += self.direction
        for page in (self.presenter, self.follower):
            await _room.watch(page, "mark" if page is self.follower else "off")
        await self.presenter.mouse.wheel(0, 100 * self.direction)
        draw = await _until(self.follower, _DRAWN, self.marks[self.at])
        [wheel] = await _room.noted(self.presenter, "wheels")
        self.stages.append(await self._stages(wheel, draw))
        took: float = draw["at"] - wheel
        return took

    async def _stages(self, wheel: float, draw: dict[str, float]) -> dict[str, float]:
        sent = await _first(self.presenter, "sent", "view.show")
        heard = await _first(self.follower, "heard", "view.shown")
        return {
            "wheel_to_send": sent - wheel,
            "send_to_message": heard - sent,
            "message_to_draw": draw["startedAt"] - heard,
            "draw_and_read": draw["at"] - draw["startedAt"],
        }


@dataclass
class ControlPair:
    sender: Page
    receiver: Page
    count: int = 0
    took: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    async def step(self) -> float:
        self.count += 1
        for page in (self.sender, self.receiver):
            await _room.watch(page, "off")
        await self.sender.mouse.wheel(0, 100)
        seen = await _until(self.receiver, "(n) => seenAt.get(n)", self.count)
        sent_at: float = await self.sender.evaluate("(n) => sentAt.get(n)", self.count)
        sent = await _first(self.sender, "sent", "")
        heard = await _first(self.receiver, "heard", "")
        self.stages.append(
            {
                "wheel_to_send": sent - sent_at,
                "send_to_message": heard - sent,
                "message_to_read": seen - heard,
            }
        )
        took: float = seen - sent_at
        return took


_DRAWN = "(mark) => watch.draws.find((draw) => draw.mark === mark)"


async def _until(page: Page, question: str, about: int) -> Any:
    """What the page answers as soon as it has an answer, asked seldom so as not to disturb."""
    for _ in range(int(SEEN_WITHIN_S / 0.05)):
        await asyncio.sleep(0.05)
        found = await page.evaluate(question, about)
        if found is not None:
            return found
    raise TimeoutError("the step was not seen in the other browser")


async def _first(page: Page, name: str, words: str) -> float:
    found = [one["at"] for one in await _room.noted(page, name) if words in one["text"]]
    return found[0] if found else float("nan")


async def _product_pair(product: Product, here: Browser, there: Browser) -> ProductPair:
    chair = await _room.sign_in(here, product.url, "chair")
    room = await _room.open_room(chair)
    radiologist = await _room.sign_in(there, product.url, "radiologist")
    await radiologist.goto(room)
    await _room.turn_to(chair, _room.PATIENT)
    await radiologist.locator("[data-key=take]").click()
    await expect(chair.locator("[data-part=presence]")).to_contain_text("Osei")
    for page in (radiologist, chair):
        await _room.wait_whole(page)
        await _room.fit(page)
    await _room.hover(radiologist)
    await _room.watch(chair, "mark")
    marks = await _room.through(radiologist, chair)
    if len(set(marks)) < len(marks):
        raise RuntimeError("two frames look the same where they are read")
    return ProductPair(radiologist, chair, marks)


async def _control_pair(relay: str, here: Browser, there: Browser) -> ControlPair:
    sender = await (await _room.context_of(here, relay)).new_page()
    receiver = await (await _room.context_of(there, relay)).new_page()
    for page, path in ((sender, "/sender.html"), (receiver, "/receiver.html")):
        await page.goto(path)
        await page.wait_for_function("window.isReady?.()")
    await sender.mouse.move(400, 300)
    return ControlPair(sender, receiver)


@asynccontextmanager
async def _relay() -> AsyncIterator[str]:
    """The bare relay in a process of its own, as the product's server is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench._relay"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


def _told(pair: ProductPair, control: ControlPair) -> dict[str, Any]:
    ours, theirs = median(pair.took), median(control.took)
    return {
        "figures": {
            "remote_paint_p50_ms": round(ours, 1),
            "remote_paint_p95_ms": round(quantiles(pair.took, n=20)[-1], 1),
            "control_p50_ms": round(theirs, 1),
            "control_p95_ms": round(quantiles(control.took, n=20)[-1], 1),
        },
        "ratios": {"remote_paint_vs_control_p50": round(ours / theirs, 3)},
        "notes": {
            "remote_steps": len(pair.took),
            "remote_stages_p50_ms": _medians(pair.stages),
            "control_stages_p50_ms": _medians(control.stages),
        },
    }


def _medians(stages: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in stages), 1) for name in stages[0]}
