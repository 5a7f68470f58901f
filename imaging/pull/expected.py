"""The expected set: what the archive lists now, instance by instance."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from imaging.archives.base import Listed
from imaging.models import ExpectedInstance, Study

ROWS = 500
Row = TypeVar("Row")


def expect(study: Study, listed: Sequence[Listed]) -> None:
    """Write down what is listed, a part at a time: it may be long. What the archive states goes
    on counting where that is more.
    """
    rows = dict(study.expected_instances.values_list("sop_instance_uid", "pk"))
    gone = rows.keys() - {one.sop_instance_uid for one in listed}
    new = [
        ExpectedInstance(
            study=study,
            series_instance_uid=one.series_instance_uid,
            sop_instance_uid=one.sop_instance_uid,
        )
        for one in listed
        if one.sop_instance_uid not in rows
    ]
    for some in batched(new, ROWS):
        ExpectedInstance.objects.bulk_create(some, ignore_conflicts=True)
    for keys in batched([rows[uid] for uid in gone], ROWS):
        ExpectedInstance.objects.filter(pk__in=keys).delete()
    count = max(len(rows) - len(gone) + len(new), study.stated_count or 0)
    if study.expected_count != count:
        study.expected_count = count
        Study.objects.filter(pk=study.pk).update(expected_count=count)


def batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of at most `size`, in order."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some
