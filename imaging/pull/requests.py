"""What to ask an archive for, and in which order. Pure: listings in, requests out."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from imaging.archives.base import Level, Listed, Wanted

LARGE = 8  # a smaller series is here as soon as two slices of it asked for alone would be
MOST_SERIES = 8  # the first slices of more would only keep the rest waiting


def requests(study_uid: str, listed: Sequence[Listed], here: Collection[str]) -> Iterator[Wanted]:
    """The whole study when nothing of it is here, else whole series, else single instances."""
    missing = [one for one in listed if one.sop_instance_uid not in here]
    if missing and len(missing) == len(listed):
        yield Wanted(study_uid, Level.STUDY, missing)
        return
    sizes = Counter(one.series_instance_uid for one in listed)
    for series_uid, group in groupby(missing, lambda one: one.series_instance_uid):
        instances = list(group)
        is_whole = len(instances) == sizes[series_uid]
        yield Wanted(study_uid, Level.SERIES if is_whole else Level.IMAGE, instances)


def first_slices(
    study_uid: str, listed: Sequence[Listed], here: Collection[str]
) -> Iterator[Wanted]:
    """The first and the middle slice of each large series, to be shown while the rest comes.

    They come once more with the whole study: two of a hundred, for a picture at once.
    """
    by_series = [list(group) for _, group in groupby(listed, lambda one: one.series_instance_uid)]
    for series in sorted(by_series, key=len, reverse=True)[:MOST_SERIES]:
        in_order = sorted(series, key=_place)
        two = [in_order[0], in_order[len(in_order) // 2]]
        missing = [one for one in two if one.sop_instance_uid not in here]
        if len(series) >= LARGE and missing:
            yield Wanted(study_uid, Level.IMAGE, missing)


def _place(one: Listed) -> tuple[bool, int]:
    return one.number is None, one.number or 0
