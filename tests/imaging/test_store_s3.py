"""What is the s3 store's own: parts, names, errors and time-outs."""

import os
import socket
import sys
import time
from io import BytesIO
from threading import Event, Thread

import pytest
from botocore.exceptions import ClientError
from django.core.exceptions import ImproperlyConfigured

from imaging import store
from imaging.store import s3
from imaging.store.base import LowSpaceError, StoreError
from tests.imaging.buckets import client

WITHIN_S = 5


@pytest.fixture
def kept(s3_url, settings):
    settings.STORE_URL = s3_url
    return store.get()


@pytest.fixture
def silent():
    """The address of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(s3, "CONNECT_S", 0.2)
    monkeypatch.setattr(s3, "READ_S", 0.2)
    monkeypatch.setattr(s3, "TRIES", 1)


def objects(endpoint, name):
    return client(endpoint).list_objects_v2(Bucket=name).get("Contents", [])


def test_an_object_lies_where_a_file_would(kept, s3_endpoint, bucket):
    key = kept.put(BytesIO(b"frames")).key
    found = [one["Key"] for one in objects(s3_endpoint, bucket)]
    assert found == [f"a prefix/{key[:2]}/{key}"]


def test_a_large_object_goes_in_parts_and_comes_back_whole(kept, monkeypatch, s3_endpoint, bucket):
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    data = os.urandom((11 << 20) + 3)
    key = kept.put(BytesIO(data)).key
    assert kept.read_range(key) == data
    (kept_object,) = objects(s3_endpoint, bucket)
    assert kept_object["ETag"].strip('"').endswith("-3")


def test_an_upload_that_breaks_leaves_no_object_and_no_part(kept, monkeypatch, s3_endpoint, bucket):
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    send = kept._client.upload_part

    def fail_second(**asked):
        if asked["PartNumber"] == 2:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "UploadPart")
        return send(**asked)

    monkeypatch.setattr(kept._client, "upload_part", fail_second)
    with pytest.raises(StoreError, match="unreachable"):
        kept.put(BytesIO(os.urandom(6 << 20)))
    assert objects(s3_endpoint, bucket) == []
    assert "Uploads" not in client(s3_endpoint).list_multipart_uploads(Bucket=bucket)


def test_uploads_of_dead_processes_are_ended_after_a_day(kept, monkeypatch, s3_endpoint, bucket):
    peer = client(s3_endpoint)
    peer.create_multipart_upload(Bucket=bucket, Key="a prefix/aa/half")  # moto dates it to 2010
    with monkeypatch.context() as long:
        long.setattr(s3, "ABANDONED_S", 100 * 365 * 24 * 3600)
        kept.sweep()
    assert len(peer.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    kept.sweep()
    assert "Uploads" not in peer.list_multipart_uploads(Bucket=bucket)


def test_what_is_here_is_sent_again_only_once_it_is_old(kept, monkeypatch):
    kept.put(BytesIO(b"frames"))
    sent = []
    monkeypatch.setattr(kept, "_send", lambda spool, key: sent.append(key))
    kept.put(BytesIO(b"frames"))
    assert sent == []
    monkeypatch.setattr(s3, "RENEW_AFTER", -s3.RENEW_AFTER)
    kept.put(BytesIO(b"frames"))
    assert len(sent) == 1


def test_more_than_a_page_is_listed(kept, monkeypatch):
    keys = {kept.put(BytesIO(b"%d" % number)).key for number in range(5)}
    paginator = kept._client.get_paginator

    class OfTwo:
        def __init__(self, name):
            self.pages = paginator(name)

        def paginate(self, **asked):
            return self.pages.paginate(**asked, PaginationConfig={"PageSize": 2})

    monkeypatch.setattr(kept._client, "get_paginator", OfTwo)
    assert set(kept.list()) == keys


def test_a_bucket_that_is_not_there_is_said_and_is_no_lost_object(s3_endpoint):
    kept = s3.S3Store("no-such-bucket", "", endpoint=s3_endpoint, region="us-east-1")
    for ask in (lambda: kept.put(BytesIO(b"x")), lambda: kept.read_range("0" * 64)):
        with pytest.raises(StoreError, match="NoSuchBucket"):
            ask()


@pytest.mark.usefixtures("_impatient", "s3_endpoint")
def test_a_store_that_says_nothing_is_given_up(silent):
    kept = s3.S3Store("bucket", "", endpoint=silent, region="us-east-1")
    asks = (
        lambda: kept.put(BytesIO(b"x")),
        lambda: kept.read_range("0" * 64),
        lambda: kept.delete("0" * 64),
        lambda: list(kept.list()),
    )
    for ask in asks:
        begun = time.monotonic()
        with pytest.raises(StoreError) as error:
            ask()
        assert (error.value.code, time.monotonic() - begun < WITHIN_S) == (
            "store.unreachable",
            True,
        )
        assert silent not in str(error.value)


def test_without_the_package_the_address_is_refused_with_what_to_do(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "imaging.store.s3")
    settings.STORE_URL = "s3://bucket/without-the-package"
    with pytest.raises(ImproperlyConfigured, match=r"requirements-s3\.txt"):
        store.get()


# Deleted as it is put


def old_for(kept, monkeypatch):
    """Everything is so old that it is swept, and sent again by who puts it."""
    monkeypatch.setattr(s3, "RENEW_AFTER", -s3.RENEW_AFTER)
    monkeypatch.setattr(kept, "_is_older", lambda key, seconds: True)


def test_bytes_that_are_put_as_they_are_deleted_stay(kept, monkeypatch):
    """The upload ends after whoever deletes saw an old object, and before it is deleted."""
    key = kept.put(BytesIO(b"frames")).key
    old_for(kept, monkeypatch)
    delete, send, is_sent = kept._client.delete_object, kept._send, Event()
    put = Thread(target=lambda: kept.put(BytesIO(b"frames")))

    def noted(spool, sent):
        send(spool, sent)
        is_sent.set()

    def delete_late(**asked):
        if asked["Key"].endswith(f"{key[:2]}/{key}"):
            put.start()
            assert is_sent.wait(WITHIN_S)
        return delete(**asked)

    monkeypatch.setattr(kept, "_send", noted)
    monkeypatch.setattr(kept._client, "delete_object", delete_late)
    kept.delete(key, older_than_s=1)
    put.join()
    assert kept.read_range(key) == b"frames"
    assert list(kept.list()) == [key]


def test_bytes_that_were_put_since_it_was_looked_are_not_deleted(kept, monkeypatch):
    key = kept.put(BytesIO(b"frames")).key
    looks = iter([True, False])
    monkeypatch.setattr(kept, "_is_older", lambda key, seconds: next(looks))
    kept.delete(key, older_than_s=1)
    assert kept.read_range(key) == b"frames"


def test_a_deletion_leaves_no_mark_and_a_dead_ones_mark_holds_nobody_up_for_long(
    kept, monkeypatch, s3_endpoint, bucket
):
    key = kept.put(BytesIO(b"frames")).key
    kept.delete(key)
    assert objects(s3_endpoint, bucket) == []
    client(s3_endpoint).put_object(Bucket=bucket, Key=f"a prefix/going/{key}", Body=b"")
    monkeypatch.setattr(s3, "LATE_S", 0.2)
    with pytest.raises(StoreError, match="being deleted"):
        kept.put(BytesIO(b"frames"))
    monkeypatch.setattr(s3, "GOING_S", -10.0)  # a mark of long ago
    old_for(kept, monkeypatch)
    assert kept.read_range(kept.put(BytesIO(b"frames")).key) == b"frames"
    assert list(kept.list()) == [key], "a mark is no object"
    monkeypatch.setattr(s3, "ABANDONED_S", -10)
    kept.sweep()
    assert len(objects(s3_endpoint, bucket)) == 1


def refusing(kept, monkeypatch, name, code, status=400):
    def refuse(**asked):
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, name)

    monkeypatch.setattr(kept._client, name, refuse)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *[("QuotaExceeded", 403), ("XMinioStorageFull", 507), ("InsufficientStorage", 507)],
        *[("XMinioAdminBucketQuotaExceeded", 400), ("AnotherMakersWord", 507)],
    ],
)
def test_a_bucket_that_is_full_is_a_store_without_room(kept, monkeypatch, code, status):
    refusing(kept, monkeypatch, "put_object", code, status)
    with pytest.raises(LowSpaceError):
        kept.put(BytesIO(b"frames"))


def test_a_bucket_that_forbids_says_what_it_must_allow(kept, monkeypatch):
    """Without s3:ListBucket the HEAD of an object that is not there is 403."""
    refusing(kept, monkeypatch, "head_object", "403", 403)
    with pytest.raises(StoreError, match="must allow s3:ListBucket") as error:
        kept.put(BytesIO(b"frames"))
    assert error.value.code == "store.unreachable"
    refusing(kept, monkeypatch, "head_object", "SlowDown", 503)
    with pytest.raises(StoreError, match="SlowDown") as error:
        kept.put(BytesIO(b"frames"))
    assert "ListBucket" not in error.value.message
