"""Run as a program in the product's environment: two live meetings to come, and studies to fetch.

The archives get studies of people whom nobody has listed yet. Prints JSON: the meetings, their
cases and what is to be typed to list those people.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import django

django.setup()

from django.utils import timezone  # noqa: E402

from imaging.identity_numbers import is_nhs_number  # noqa: E402
from mdt.demo import make  # noqa: E402
from mdt.meetings.models import Meeting  # noqa: E402
from mdt.meetings.services import list_case  # noqa: E402
from mdt.members import Person  # noqa: E402
from tests.dicoms import make_study  # noqa: E402

#: Those of the demo that our own server answers for, and that keep the number in a second place.
ARCHIVES = {"rbv-christie": "RBV", "rwj-stockport": "RWJ", "rw6-pennine": "RW6"}
FAMILIES = ("ALDER", "BIRCH", "CEDAR", "ELDER", "HAZEL", "MAPLE", "ROWAN", "WILLOW")
BIRTH_DATE = "1958-04-17"


def main(people: int, instances: int) -> None:
    meetings = [new_meeting(days) for days in (1, 2)]
    numbers = (str(number) for number in range(9990001000, 9990009999))
    test_numbers = (number for number in numbers if is_nhs_number(number))
    patients = [
        new_patient(index, number, instances)
        for index, number in zip(range(people), test_numbers, strict=False)
    ]
    sys.stdout.write(json.dumps({"meetings": meetings, "patients": patients}))


def new_meeting(days: int) -> dict[str, object]:
    """Of the cases of today's meeting, so many days later; still to be opened."""
    today = Meeting.objects.get(starts_at__date=timezone.localdate())
    later = today.starts_at + timedelta(days=days)
    meeting = Meeting.objects.create(team=today.team, starts_at=later)
    by = Person.objects.get(username="coordinator")
    cases = [
        list_case(meeting=meeting, referral=case.referral, by=by)
        for case in today.cases.order_by("position")
    ]
    return {"id": meeting.public_id, "cases": [case.public_id for case in cases]}


def new_patient(index: int, nhs_number: str, instances: int) -> dict[str, str]:
    """A study in one of the archives; returns the form that lists its patient."""
    archive, trust = list(ARCHIVES.items())[index % len(ARCHIVES)]
    family, given = FAMILIES[index % len(FAMILIES)], f"Number {index}"
    header = {
        "PatientName": f"{family}^{given}",
        "PatientBirthDate": BIRTH_DATE.replace("-", ""),
        "PatientID": f"SOAK{index:04}",
        "IssuerOfPatientID": trust,
        "StudyDate": f"{timezone.localdate() - timedelta(days=3):%Y%m%d}",
        "StudyDescription": f"soak {index}",
    }
    files = make_study(
        f"soak {index}", series=2, instances=instances // 2, nhs_number=nhs_number, **header
    )
    folder = make.folder() / archive
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        (folder / f"soak-{index:03}-{number:04}.dcm").write_bytes(file)
    return {
        "nhs_number": nhs_number,
        "family_name": family,
        "given_names": given,
        "birth_date": BIRTH_DATE,
        "sex": "F",
        "question": f"soak {index}",
        "laterality": "not-known",
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
