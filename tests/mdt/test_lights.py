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

NOW = timezone.now()
WAITING, ANSWERED, FAILED, NOT_ASKED = (
    *(ArchiveAnswer.State.WAITING, ArchiveAnswer.State.ANSWERED),
    *(ArchiveAnswer.State.FAILED, ArchiveAnswer.State.NOT_ASKED),
)
S = Study.State
AT_NINE = timezone.localtime().replace(hour=9, minute=12)
HERE = Fetched("Salford", S.COMPLETE, 88, 88)
DONE = Asked("Salford", ANSWERED)
DOWN = Asked("Bolton", FAILED, failing_since=AT_NINE)


def pulling(stored, expected, seconds):
    return Fetched("Salford", S.PULLING, stored, expected, NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("facts", "colour", "text"),
    [
        (Facts(), "grey", "images not asked for"),
        (Facts(asked=[Asked("Salford", NOT_ASKED)]), "grey", "images not asked for"),
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
            Facts(asked=[DONE], studies=[pulling(412, 1180, 21)]),
            "blue",
            "fetching 412 of 1,180, 39 s left",
        ),
        (
            Facts(asked=[DONE], studies=[HERE, pulling(100, 700, 60)]),
            "blue",
            "fetching 188 of 788, 6 min left",
        ),
        (
            Facts(asked=[DONE], studies=[pulling(0, 700, 5)]),
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
            Facts(asked=[DONE], studies=[HERE], doubts=[Doubt("Stockport", False)]),
            "amber",
            "Stockport: whose a study is must be settled there",
        ),
        (
            Facts(asked=[DONE], studies=[HERE], doubts=[Doubt("Stockport", True, "0161")]),
            "red",
            "Stockport: a study carries another identity and is withheld. Ring 0161",
        ),
    ],
)
def test_the_light_of_a_case(facts, colour, text):
    light = case_light(facts, NOW)
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
    light = case_light(facts, NOW)
    assert (light.colour, light.text) == (colour, text)
    assert any("Bolton does not answer since 09:12" in said for said in (text, *light.asides))


def test_what_is_less_bad_is_said_beside_it():
    facts = Facts(
        asked=[DONE, DOWN],
        studies=[Fetched("Tameside", S.PARTIAL, 59, 60), pulling(10, 20, 10)],
        withheld=["Wigan"],
    )
    light = case_light(facts, NOW)
    assert light.text == "fetching 69 of 80, 10 s left"
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
    light = meeting_light(Light(c, "") for c in colours)
    assert (light.colour, light.text) == (colour, text)


def test_an_aside_is_said_once_for_the_whole_list():
    lights = [Light("green", "", asides=("Bolton does not answer",)) for _ in range(3)]
    assert meeting_light(lights).asides == ("Bolton does not answer",)


@pytest.mark.parametrize("colour", WORST_FIRST)
def test_every_colour_has_a_symbol(colour):
    assert Light(colour, "").icon
