"""The images-ready light: its colour and its words, from facts alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from imaging.models import ArchiveAnswer, Study
from mdt.meetings.lights import (
    WORST_FIRST,
    Asked,
    Doubt,
    Facts,
    Fetched,
    Light,
    case_light,
    meeting_light,
)

AT_10_42 = timezone.localtime().replace(hour=10, minute=42)
WAITING, ANSWERED, FAILED, NOT_ASKED = (
    *(ArchiveAnswer.State.WAITING, ArchiveAnswer.State.ANSWERED),
    *(ArchiveAnswer.State.FAILED, ArchiveAnswer.State.NOT_ASKED),
)
S = Study.State
AT_NINE = timezone.localtime().replace(hour=9, minute=12)
HERE = Fetched("Salford", S.COMPLETE, 88, 88)
EVICTED = Fetched("Salford", S.FOUND, 0, 88, is_evicted=True)
DONE = Asked("Salford", ANSWERED)
FULL = "The store is nearly full: nothing more is fetched."
DOWN = Asked("Bolton", FAILED, failing_since=AT_NINE)


def pulling(stored, expected, seconds_left):
    return Fetched("Salford", S.PULLING, stored, expected, seconds_left)


@pytest.mark.parametrize(
    ("facts", "colour", "text"),
    [
        (Facts(), "grey", "images not asked for"),
        (Facts(asked=[Asked("Salford", NOT_ASKED)]), "amber", "Salford not asked"),
        (
            Facts(asked=[DONE, Asked("Bolton", WAITING)]),
            "blue",
            "asking archives, 1 of 2 answered",
        ),
        (Facts(asked=[DONE], studies=[HERE]), "green", "images ready"),
        (Facts(asked=[DONE]), "amber", "no studies chosen"),
        (
            Facts(asked=[DONE], studies=[Fetched("Salford", S.WANTED)]),
            "blue",
            "waiting to fetch 1 study",
        ),
        (
            Facts(asked=[DONE], studies=[HERE, EVICTED, EVICTED]),
            "amber",
            "Salford: pictures removed after the meeting, can be fetched again",
        ),
        (
            Facts(asked=[DONE], studies=[EVICTED, Fetched("Salford", S.WANTED)]),
            "blue",
            "waiting to fetch 1 study",
        ),
        (
            Facts(asked=[DONE], studies=[pulling(412, 1180, 39)]),
            "blue",
            "fetching 412 of 1,180, less than a minute left",
        ),
        (
            Facts(asked=[DONE], studies=[HERE, pulling(100, 700, 300), pulling(1, 2, 20)]),
            "blue",
            "fetching 189 of 790, about 5 minutes left",
        ),
        (
            Facts(asked=[DONE], studies=[pulling(100, 700, 60), Fetched("Salford", S.WANTED)]),
            "blue",
            "fetching 100 of 700",
        ),
        (
            Facts(
                asked=[DONE],
                studies=[Fetched("Salford", S.WANTED, 412, 1180, message=FULL, code="store.low")],
            ),
            "red",
            FULL.rstrip("."),
        ),
        (
            Facts(
                asked=[DONE],
                studies=[Fetched("Salford", S.WANTED, message="No disk.", code="spool.failed")],
            ),
            "red",
            "No disk",
        ),
        (
            Facts(
                asked=[DONE],
                studies=[Fetched("Salford", S.WANTED, 412, 1180, code="archive.unreachable")],
            ),
            "blue",
            "fetching 412 of 1,180",
        ),
        (
            Facts(asked=[DONE], studies=[pulling(0, 700, None)]),
            "blue",
            "fetching 0 of 700",
        ),
        (
            Facts(asked=[DONE], studies=[Fetched("Tameside", S.PARTIAL, 59, 60)]),
            "amber",
            "Tameside: 59 of 60 images here",
        ),
        (
            Facts(asked=[DONE], studies=[Fetched("Tameside", S.PARTIAL, 59)]),
            "amber",
            "Tameside: 59 of an unknown number of images here",
        ),
        (
            Facts(
                asked=[DONE],
                studies=[HERE, Fetched("Tameside", S.FAILED, message="Refused.", contact="0161")],
            ),
            "red",
            "Tameside: Refused. Ring 0161",
        ),
        (
            Facts(asked=[DONE], studies=[Fetched("Tameside", S.COMPLETE, 60, 60, not_made=2)]),
            "red",
            "Tameside: pictures of 2 series could not be made here",
        ),
        (
            Facts(asked=[DONE], studies=[HERE], doubts=[Doubt("Stockport", "unsure")]),
            "amber",
            "whose a study is: with Stockport's imaging team",
        ),
        (
            Facts(asked=[DONE], doubts=[Doubt("Stockport", "unsure", "ext. 0000", AT_10_42)]),
            "amber",
            "whose a study is: with Stockport's imaging team since 10:42. Ring ext. 0000",
        ),
        (
            Facts(asked=[DONE], studies=[HERE], doubts=[Doubt("Stockport", "issuer", "0161")]),
            "amber",
            "Stockport: a study's issuer is not set up. "
            "Whoever looks after its archive must say whose it is",
        ),
        (
            Facts(asked=[DONE], doubts=[Doubt("Stockport", "gone", "0161", AT_10_42)]),
            "amber",
            "Stockport: whose a study is was not settled, and its archive lists it no more. "
            "Its imaging team must look for it. Ring 0161",
        ),
        (
            Facts(asked=[DONE], studies=[HERE], doubts=[Doubt("Stockport", "", "0161")]),
            "red",
            "Stockport: a study carries another identity and is withheld. Ring 0161",
        ),
    ],
)
def test_the_light_of_a_case(facts, colour, text):
    light = case_light(facts)
    assert (light.colour, light.text) == (colour, text)


@pytest.mark.parametrize(
    ("is_known_there", "knows_a_number", "colour", "text"),
    [
        (True, True, "red", "Bolton does not answer since 09:12. Ring 0161"),
        (False, False, "amber", "Bolton does not answer since 09:12"),
        (False, True, "green", "images ready"),
    ],
)
def test_an_archive_that_does_not_answer_weighs_as_much_as_it_may_hold(
    is_known_there, knows_a_number, colour, text
):
    down = Asked("Bolton", FAILED, is_known_there, failing_since=AT_NINE, contact="0161")
    facts = Facts(asked=[DONE, down], studies=[HERE], knows_a_number=knows_a_number)
    light = case_light(facts)
    assert (light.colour, light.text) == (colour, text)
    assert any("Bolton does not answer since 09:12" in said for said in (text, *light.asides))


def test_since_when_names_the_day_where_it_is_not_today():
    before = AT_NINE - timedelta(days=3)
    down = Asked("Bolton", FAILED, failing_since=before)
    doubt = Doubt("Salford", "identity", since=before)
    light = case_light(Facts(asked=[down], doubts=[doubt]))
    day = f"{before.day} {before:%b} 09:12"
    assert f"Bolton does not answer since {day}" in (light.text, *light.notes)
    assert any(said.endswith(f"imaging team since {day}") for said in (light.text, *light.notes))


def test_what_is_less_bad_is_said_beside_it():
    facts = Facts(
        asked=[DONE, DOWN],
        studies=[Fetched("Tameside", S.PARTIAL, 59, 60), pulling(10, 20, 10)],
        withheld=["Wigan"],
    )
    light = case_light(facts)
    assert light.text == "fetching 69 of 80, less than a minute left"
    assert light.notes == (
        "Bolton does not answer since 09:12",
        "Tameside: 59 of 60 images here",
        "Wigan withheld",
    )


@pytest.mark.parametrize(
    ("colours", "colour", "text"),
    [
        ([], "grey", "no cases yet"),
        (["green", "green"], "green", "images 2 of 2 ready"),
        (["green", "amber", "blue"], "blue", "images 1 of 3 ready"),
        (["green", "red", "amber"], "red", "images 1 of 3 ready"),
        (["grey", "green"], "green", "images 1 of 2 ready"),
    ],
)
def test_the_light_of_a_list(colours, colour, text):
    light = meeting_light({n: Light(c, "") for n, c in enumerate(colours, 1)})
    assert (light.colour, light.text) == (colour, text)


def test_an_aside_is_said_once_for_the_whole_list():
    lights = {n: Light("green", "", asides=("Bolton does not answer",)) for n in range(3)}
    assert meeting_light(lights).asides == ("Bolton does not answer",)


@pytest.mark.parametrize(
    ("places", "said"),
    [({2}, "case 2"), ({2, 5}, "cases 2, 5"), (set(range(2, 10)), "8 cases")],
)
def test_an_aside_of_some_cases_says_of_which(places, said):
    aside = ("Bolton does not answer",)
    lights = {n: Light("green", "", asides=aside if n in places else ()) for n in range(1, 12)}
    assert meeting_light(lights).asides == (f"Bolton does not answer ({said})",)


NIGHTS = "the archive opens at 19:00"


@pytest.mark.parametrize(
    ("state", "why", "said"),
    [
        (NOT_ASKED, "paused by its administrator", "Stockport not asked: paused by its ..."),
        (NOT_ASKED, "", "Stockport not asked"),
        (WAITING, NIGHTS, f"Stockport not asked yet: {NIGHTS}"),
    ],
)
@pytest.mark.parametrize(
    ("is_known_there", "knows_a_number", "colour"),
    [(True, True, "amber"), (False, False, "amber"), (False, True, "green")],
)
def test_an_archive_that_is_not_asked_weighs_as_much_as_it_may_hold(
    state, why, said, is_known_there, knows_a_number, colour
):
    held = Asked("Stockport", state, is_known_there, message=why)
    facts = Facts(asked=[DONE, held], studies=[HERE], knows_a_number=knows_a_number)
    light = case_light(facts)
    said = said.replace("its ...", "its administrator")
    assert (light.colour, light.text) == (colour, said if colour == "amber" else "images ready")
    assert (light.asides == (said,)) == (colour == "green")


def test_an_archive_that_may_not_be_asked_yet_is_not_being_asked():
    """While others are: it is not counted among those that answer."""
    closed = Asked("Stockport", WAITING, True, message=NIGHTS)
    light = case_light(Facts(asked=[DONE, Asked("Bolton", WAITING), closed]))
    assert (light.colour, light.text) == ("blue", "asking archives, 1 of 2 answered")
    assert light.notes == (f"Stockport not asked yet: {NIGHTS}",)


def held_up(trust, **fields):
    return Fetched(trust, S.WANTED, waits=NIGHTS, **fields)


def test_a_study_whose_archive_may_not_be_asked_is_not_on_its_way():
    twice = [held_up("Stockport"), held_up("Stockport")]
    light = case_light(Facts(asked=[DONE], studies=[HERE, *twice]))
    assert (light.colour, light.text) == ("amber", f"Stockport not fetched yet: {NIGHTS}")
    assert light.notes == ()


def test_while_others_come_it_is_said_beside_them_why_a_study_does_not():
    studies = [pulling(412, 1180, 39), held_up("Stockport", stored=20, expected=60)]
    light = case_light(Facts(asked=[DONE], studies=studies))
    assert (light.colour, light.text) == (
        "blue",
        "fetching 412 of 1,180, less than a minute left",
    )
    assert light.notes == (f"Stockport not fetched yet: {NIGHTS}",)


@pytest.mark.parametrize("colour", WORST_FIRST)
def test_every_colour_has_a_symbol(colour):
    assert Light(colour, "").icon
