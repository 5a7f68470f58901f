"""Run as a program: a database with one live meeting, for tests of a real server.

Its log is long. Prints JSON: the meeting, its cases, and the session of its chair.
"""

import json
import sys
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).parents[2]))
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from mdt import protocol  # noqa: E402
from mdt.members import Role  # noqa: E402
from mdt.room_log import log  # noqa: E402
from tests.factories import ListedCaseFactory, MeetingFactory, MembershipFactory  # noqa: E402

call_command("migrate", verbosity=0)
meeting = MeetingFactory(live=True)
chair = MembershipFactory(team=meeting.team, role=Role.CHAIR).person
cases = ListedCaseFactory.create_batch(2, meeting=meeting)
session = SessionStore()
session[SESSION_KEY] = str(chair.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = chair.get_session_auth_hash()
session.create()
point = protocol.PointMm(x=1, y=2, z=3)
drawing = protocol.Drawing(kind="length", points=(point, point), text="x" * 200)
place = protocol.Place(series="s1", version=1, frame="f.1")
mark = protocol.MarkBody(
    mark_id="m1", version=1, by=chair.public_id, name="Chair", place=place, drawing=drawing
)
with transaction.atomic():
    for _ in range(300):
        log.append(meeting, protocol.MarkCreated(case_id=cases[0].public_id, mark=mark))
world = {
    "meeting": meeting.public_id,
    "cases": [case.public_id for case in cases],
    "session": session.session_key,
}
sys.stdout.write(json.dumps(world))
