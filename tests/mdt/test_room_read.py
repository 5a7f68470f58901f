"""Who read a list or a case in the room is on record, once a day (D21)."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.utils import timezone

from mdt.audit.models import AuditEvent
from mdt.audit.services import target_of
from mdt.members import Role
from tests.factories import MembershipFactory
from tests.mdt.test_room_api import case_url, get, room_url

pytestmark = pytest.mark.django_db


def views_of(target):
    rows = AuditEvent.objects.filter(target=target_of(target), action__endswith="viewed")
    return [(row.action, row.by, row.detail) for row in rows.order_by("pk")]


def test_who_reads_the_list_and_a_case_is_on_record_once_a_day(client, chair, case, monkeypatch):
    for _ in range(3):
        get(client, chair, room_url(case.meeting)), get(client, chair, case_url(case))
    room = {"page": "room"}
    assert views_of(case.meeting) == [("list.viewed", chair.public_id, room)]
    assert views_of(case) == [("case.viewed", chair.public_id, room)]
    tomorrow = SimpleNamespace(localtime=lambda: timezone.localtime() + timedelta(days=1))
    monkeypatch.setattr("mdt.audit.services.timezone", tomorrow)
    get(client, chair, case_url(case))
    assert views_of(case) == [("case.viewed", chair.public_id, room)] * 2


def test_everybody_who_reads_a_case_has_a_row_of_their_own(client, chair, case):
    nurse = MembershipFactory(team=case.meeting.team, role=Role.CORE).person
    for person in (chair, nurse, chair):
        get(client, person, case_url(case))
    assert [by for _, by, _ in views_of(case)] == [chair.public_id, nurse.public_id]


def test_a_case_that_cannot_be_put_on_record_is_not_shown(client, chair, case, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("the table is locked")

    client.force_login(chair)
    monkeypatch.setattr(AuditEvent.objects, "create", fail)
    with pytest.raises(OperationalError):
        client.get(case_url(case))


def test_who_may_not_read_leaves_no_word_of_having_read(client, stranger, case):
    for url in (room_url(case.meeting), case_url(case)):
        assert get(client, stranger, url).status_code == 404
    assert views_of(case) == views_of(case.meeting) == []
