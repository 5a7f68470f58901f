"""Whether today's seeded list shows all the lights that the demo's story expects."""

import html
import re
import time

import httpx

from mdt.demo.people import PASSWORD

EXPECTED = {
    "KHAN, Amina": ("red", "Stockport"),
    "KHAN, Ayesha": ("green", "images ready"),
    "OKONKWO, Daniel": ("green", "images ready"),
    "DEAN, Margaret": ("green", "images ready"),
    "PRICE, Gareth": ("amber", "35 of 36"),
    "WALSH, Niamh": ("green", "images ready"),
}
CASE = re.compile(r'aria-controls="detail-\w+">(?P<name>[^<]+)</button>')
LIGHT = re.compile(r'lb-light--(?P<colour>\w+)".*?lb-light__text">(?P<words>[^<]*)<', re.DOTALL)
LINK = re.compile(r'lb-meeting__link" href="(?P<path>[^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(?P<token>[^"]+)"')
AGAIN_S = 0.25


def wait_for_lights(url: str, *, within_s: float) -> None:
    """Return as soon as the coordinator's list shows the expected lights."""
    end = time.monotonic() + within_s
    lights: dict[str, tuple[str, str]] = {}
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as client:
        while time.monotonic() < end:
            try:
                lights = _lights(client)
            except httpx.TransportError:  # not up yet
                lights = {}
            if _are_expected(lights):
                return
            time.sleep(AGAIN_S)
    raise TimeoutError(f"the lights are {lights}")


def _lights(client: httpx.Client) -> dict[str, tuple[str, str]]:
    """Colour and words of each case of today's list; none while there is no list."""
    home = client.get("/")
    if home.url.path.startswith("/sign-in"):
        home = _sign_in(client, home.text)
    found = LINK.search(home.text)
    if not found:
        return {}
    page = client.get(found["path"]).text
    cases = [part for part in page.split('<li class="lb-case') if CASE.search(part)]
    return dict(_light(part) for part in cases)


def _sign_in(client: httpx.Client, page: str) -> httpx.Response:
    found = TOKEN.search(page)
    fields = {
        "csrfmiddlewaretoken": found["token"] if found else "",
        "username": "coordinator",
        "password": PASSWORD,
    }
    return client.post("/sign-in", data=fields, headers={"Referer": str(client.base_url)})


def _light(part: str) -> tuple[str, tuple[str, str]]:
    name, light = CASE.search(part), LIGHT.search(part)
    words = html.unescape(light["words"]) if light else ""
    return html.unescape(name["name"]), (light["colour"] if light else "", words)


def _are_expected(lights: dict[str, tuple[str, str]]) -> bool:
    return lights.keys() == EXPECTED.keys() and all(
        lights[name][0] == colour and words in lights[name][1]
        for name, (colour, words) in EXPECTED.items()
    )
