"""A series on this machine with all its frames, and what to ask for."""

from io import BytesIO
from typing import Any

import numpy as np
from django.utils import timezone

from imaging import queue, store
from imaging.frames import make, metadata
from imaging.grants import Grant
from imaging.models import Job, SeriesVersion
from tests.factories import InstanceFactory, SeriesFactory
from tests.imaging import files


def made(slices: int, size: int) -> dict[str, Any]:
    """`path` of the series, a `grant`, and (segment, first byte, last byte) of each frame."""
    series, noise = SeriesFactory(), np.random.default_rng(1)
    y, x = np.mgrid[0:size, 0:size]
    for number in range(slices):
        body = 40 * ((x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 2.5) ** 2) + number
        pixels = (body + noise.normal(0, 12, body.shape)).astype("<i2")
        stored = store.get().put(BytesIO(files.made(pixels, InstanceNumber=number)))
        InstanceFactory(
            series=series, instance_number=number, store_key=stored.key, size=stored.size
        )
    now = timezone.now()
    Job.objects.create(kind=Job.Kind.FRAMES, series=series, due_at=now, meeting_at=now)
    job = queue.claim_next([Job.Kind.FRAMES], timezone.now())
    assert job is not None  # noqa: S101
    make.carry_out(job)
    version = SeriesVersion.objects.filter(series=series).order_by("-number")[0]
    frames = metadata.unpacked(store.get().read_range(version.store_key))["frames"]
    return {
        "path": f"/imaging/series/{series.public_id}",
        "grant": Grant("bench", series.public_id, "bench", "display").token(),
        "ranges": [(f["segment"], f["offset"], f["offset"] + f["length"] - 1) for f in frames],
    }
