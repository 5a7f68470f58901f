"""Whether a process says that it serves only while it can."""

import pytest
from django.db import OperationalError, connections

pytestmark = pytest.mark.django_db


class Dead:
    """The other end of an open connection is gone, and nobody has noticed yet."""

    def cursor(self, *_, **__):
        raise OperationalError("server closed the connection unexpectedly")


def test_readyz_is_503_when_a_connection_that_was_open_is_answered_no_more(client, monkeypatch):
    assert client.get("/readyz").status_code == 200
    with monkeypatch.context() as down:
        down.setattr(connections["default"], "connection", Dead())
        answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"not ready")
    assert client.get("/readyz").status_code == 200
