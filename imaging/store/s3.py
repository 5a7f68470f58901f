"""Objects in a bucket that speaks S3: `<prefix>/ab/abcd...`, named as the local store's files.

Credentials come from the environment, as every S3 client reads them (AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, or the machine's role): an address is logged and shown, a secret never.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from tempfile import SpooledTemporaryFile
from time import monotonic, sleep
from typing import Any, BinaryIO, cast

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from django.utils import timezone

from imaging.store.base import ABANDONED_S, KEY, LowSpaceError, Stored, StoreError, check_key

CHUNK = 1024 * 1024
IN_MEMORY_BYTES = PART_BYTES = 16 * CHUNK
CONNECT_S, READ_S, TRIES = 5, 30, 3
AT_ONCE = 4  # puts of several files: most of their time they wait
RENEW_AFTER = timedelta(seconds=ABANDONED_S / 2)
"""Bytes that are here are sent again once they are so old: long before anybody sweeps them."""
ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
FULL = frozenset(
    {
        *("InsufficientStorage", "InsufficientStorageSpace", "QuotaExceeded", "507"),
        *("XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"),
    }
)
FORBIDDEN = frozenset({"AccessDenied", "Forbidden", "403"})
PERMISSIONS = (
    "It must allow s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject,"
    " s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects."
)
BEYOND_THE_END = frozenset({"InvalidRange", "416"})


GOING = "going/"
"""Below the root: a mark for each object that is being deleted, of its name."""
GOING_S, LATE_S, LOOK_S = 600.0, 20.0, 0.1
"""A mark so old is a dead process's; who puts waits so long for one; looking so often."""


class S3Store:
    """`endpoint` is empty for Amazon's own, else the address of another maker's S3."""

    def __init__(self, bucket: str, prefix: str, *, endpoint: str = "", region: str = "") -> None:
        self._bucket = bucket
        self._root = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region or None,
            config=_config(is_foreign=bool(endpoint)),
        )

    def put(self, stream: BinaryIO) -> Stored:
        """Hashed on its way to a spool of this machine, since the key is the hash; then sent, in
        parts when it is large. An object is there only when all of it is.
        """
        with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as spool:
            digest, size = sha256(), 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += spool.write(chunk)
            key = digest.hexdigest()
            if not self._is_here_and_young(key):
                self._send_to_stay(cast(BinaryIO, spool), key)
        return Stored(key=key, sha256=key, size=size)

    def put_all(self, files: Sequence[bytes]) -> Sequence[Stored]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(self.put, map(BytesIO, files)))

    def read_range(self, key: str, start: int = 0, length: int = -1) -> bytes:
        name = self._name(key)
        last = "" if length < 0 else start + length - 1
        asked = {"Range": f"bytes={start}-{last}"} if start or length > 0 else {}
        with _understood():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=name, **asked)
                return b"" if length == 0 else cast(bytes, answer["Body"].read())
            except ClientError as error:
                if _code(error) not in BEYOND_THE_END:
                    raise
        return b""

    def delete(self, key: str, *, older_than_s: float = 0) -> None:
        """Under a mark: who puts the same bytes at this instant is seen to have made them young,
        or sees the mark, waits and looks whether they are still there. No condition of S3 says as
        much: the same bytes have the same ETag.
        """
        if older_than_s and not self._is_older(key, older_than_s):
            return
        with self._marked(key):
            begun = monotonic()
            if older_than_s and not self._is_older(key, older_than_s):
                return
            if monotonic() - begun < GOING_S / 2:  # nobody believes a mark that old
                with _understood():
                    self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def list(self, *, older_than_s: float = 0) -> Iterator[str]:
        """A page at a time, of 1000."""
        before = _ago(older_than_s)
        pages = self._client.get_paginator("list_objects_v2")
        with _understood():
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root):
                for found in page.get("Contents", []):
                    key = str(found["Key"]).rpartition("/")[2]
                    is_old = not older_than_s or found["LastModified"] < before
                    is_object = KEY.fullmatch(key) and found["Key"] == self._name(key)
                    if is_object and is_old:
                        yield key

    def place(self, key: str) -> str:
        return f"{check_key(key)[:2]}/{key}"

    def free_bytes(self) -> None:
        return None

    def sweep(self) -> None:
        """Parts of uploads that were never ended are not listed, and are paid for. Marks of dead
        processes are nobody's.
        """
        self._sweep_uploads()
        self._sweep_marks()

    def _sweep_uploads(self) -> None:
        before = _ago(ABANDONED_S)
        pages = self._client.get_paginator("list_multipart_uploads")
        with _understood():
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )

    def _sweep_marks(self) -> None:
        pages = self._client.get_paginator("list_objects_v2")
        with _understood():
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._root}{GOING}"):
                for mark in page.get("Contents", []):
                    if mark["LastModified"] < _ago(ABANDONED_S):
                        self._client.delete_object(Bucket=self._bucket, Key=mark["Key"])

    def _name(self, key: str) -> str:
        return f"{self._root}{self.place(key)}"

    def _send(self, spool: BinaryIO, key: str) -> None:
        parts = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
        )
        with _understood():
            self._client.upload_fileobj(_Kept(spool), self._bucket, self._name(key), Config=parts)

    def _send_to_stay(self, spool: BinaryIO, key: str) -> None:
        """Sent, and still there once nobody deletes it."""
        for _ in range(TRIES):
            spool.seek(0)
            self._send(spool, key)
            self._wait_while_going(key)
            if self._is_here(self._name(key)):
                return
        raise StoreError("store.unreachable", "What is put is deleted at the same time.")

    def _wait_while_going(self, key: str) -> None:
        ends_at = monotonic() + LATE_S
        while self._is_here(self._mark_of(key), within_s=GOING_S):
            if monotonic() > ends_at:
                raise StoreError("store.unreachable", "What is put is being deleted.")
            sleep(LOOK_S)

    @contextmanager
    def _marked(self, key: str) -> Iterator[None]:
        mark = {"Bucket": self._bucket, "Key": self._mark_of(key)}
        with _understood():
            self._client.put_object(**mark, Body=b"")
        yield
        with _understood():  # not where it broke: whether it is deleted is not known then
            self._client.delete_object(**mark)

    def _mark_of(self, key: str) -> str:
        return f"{self._root}{GOING}{check_key(key)}"

    def _is_here(self, name: str, within_s: float | None = None) -> bool:
        try:
            at = self._written_at(name)
        except FileNotFoundError:
            return False
        return within_s is None or at > _ago(within_s)

    def _is_here_and_young(self, key: str) -> bool:
        try:
            return self._put_at(key) > timezone.now() - RENEW_AFTER
        except FileNotFoundError:
            return False

    def _is_older(self, key: str, seconds: float) -> bool:
        try:
            return self._put_at(key) < _ago(seconds)
        except FileNotFoundError:
            return False

    def _put_at(self, key: str) -> datetime:
        return self._written_at(self._name(key))

    def _written_at(self, name: str) -> datetime:
        with _understood():
            answer = self._client.head_object(Bucket=self._bucket, Key=name)
        return cast(datetime, answer["LastModified"])


class _Kept:
    """A file that its reader cannot close, as the client does: it may be sent once more."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Whoever opened it does."""


def _config(*, is_foreign: bool) -> Config:
    """Other makers' S3 knows neither bucket names in the host's nor checksums that trail."""
    foreign = {
        "s3": {"addressing_style": "path"},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    return Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=16,
        **(foreign if is_foreign else {}),
    )


@contextmanager
def _understood() -> Iterator[None]:
    """What the client raises, as FileNotFoundError or StoreError: its own texts name addresses."""
    try:
        yield
    except ClientError as error:
        if (code := _code(error)) in ABSENT:
            raise FileNotFoundError("no such object") from error
        if code in FULL or _status(error) == 507:
            raise LowSpaceError from error
        why = f" {PERMISSIONS}" if code in FORBIDDEN else ""
        raise StoreError("store.unreachable", f"The store refuses: {code}.{why}") from error
    except (BotoCoreError, HTTPClientError, Boto3Error, OSError) as error:
        raise StoreError("store.unreachable", "The store does not answer.") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)
