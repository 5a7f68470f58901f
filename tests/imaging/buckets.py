"""An S3 of this machine, for as long as the tests run."""

from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer

NUMBERS = count(1)


@pytest.fixture(scope="session")
def s3_endpoint():
    """Its address; any credentials will do."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint):
    """The name of a new bucket."""
    name = f"lightbox-{next(NUMBERS)}"
    client(s3_endpoint).create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_url(s3_endpoint, bucket):
    """A STORE_URL."""
    return f"s3://{bucket}/a%20prefix?endpoint={s3_endpoint}&region=us-east-1"


def client(endpoint):
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
