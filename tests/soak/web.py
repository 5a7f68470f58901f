"""The pages and the JSON by HTTP: asked until one of the web processes answers."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import httpx

from mdt.demo.people import PASSWORD

TRIES = 150
TIMEOUT_S = 8


def new_id(chance: Random) -> str:
    """A UUID that the seed decides."""
    return str(UUID(int=chance.getrandbits(128), version=4))


@dataclass(frozen=True)
class SignedIn:
    username: str
    person: str  # public id
    cookies: str
    csrf: str


class Web:
    """A few web processes behind one name. What none of them answers is asked again as it is."""

    def __init__(self, urls: list[str], chance: Random) -> None:
        self.urls, self._chance = urls, chance
        self.tally: Counter[str] = Counter()
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def sign_in(self, username: str) -> tuple[str, str]:
        """The cookies of a person who typed their password, and the token for forms."""
        async with httpx.AsyncClient(base_url=self.urls[0], trust_env=False, timeout=30) as client:
            await client.get("/sign-in")
            form = {"username": username, "password": PASSWORD}
            form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
            answer = await client.post("/sign-in", data=form)
            assert answer.status_code == 302, f"{username} could not sign in: {answer.status_code}"
            cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            return cookies, client.cookies["csrftoken"]

    async def person(self, username: str, meeting: str) -> SignedIn:
        cookies, csrf = await self.sign_in(username)
        unknown = SignedIn(username, "", cookies, csrf)
        room = (await self.get(unknown, f"/api/meetings/{meeting}/room")).json()
        return SignedIn(username, room["you"]["person"], cookies, csrf)

    async def get(self, who: SignedIn, path: str, **headers: str) -> httpx.Response:
        return await self._answer("GET", path, {"Cookie": who.cookies, **headers})

    async def post(
        self, who: SignedIn, path: str, json: Any = None, form: Any = None
    ) -> httpx.Response:
        headers = {"Cookie": who.cookies, "X-CSRFToken": who.csrf}
        return await self._answer("POST", path, headers, json=json, data=form)

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], **body: Any
    ) -> httpx.Response:
        for _ in range(TRIES):
            url = self._chance.choice(self.urls) + path
            try:
                answer = await self._client.request(method, url, headers=headers, **body)
            except httpx.TransportError as error:
                self.tally[f"http {type(error).__name__}"] += 1
            else:
                if answer.status_code < 500:
                    return answer
                self.tally[f"http {answer.status_code}"] += 1
            await asyncio.sleep(self._chance.uniform(0.1, 0.5))
        masked = re.sub(r"/\w{12,}", "/...", path)
        raise AssertionError(f"{method} {masked} was not answered in {TRIES} tries")
