import pytest

from imaging.frames.process import Reader
from tests.imaging.buckets import bucket, s3_endpoint, s3_url  # noqa: F401  fixtures
from tests.imaging.hostile.runs import impatient, unnamed, web  # noqa: F401  fixtures too


@pytest.fixture(scope="module")
def decoders():
    """Child processes of a module's own that read headers and decode frames."""
    reader = Reader(2)
    yield reader
    reader.close()
