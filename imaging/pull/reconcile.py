"""What a pull came to, from UIDs alone: no status and no count of an archive is believed.

Pure: sets in, words out. The words stand on the list and in the room, so they say exactly what is
missing, and never who it is about.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from imaging.archives.base import ArchiveError, Listed
from imaging.models import Study

State = Study.State
MOST_SERIES_NAMED = 4
SENT = "pull.sent_unconfirmed"  # by a peer that cannot be asked, or not now


@dataclass(frozen=True)
class Outcome:
    """How the study stands after a pull. `may_retry`: asking again later could bring the rest.

    `retry_after_s` is what the archive asked for, None when it asked nothing; `failure_code` how
    asking it failed, where `code` says something else.
    """

    state: Study.State
    code: str = ""
    message: str = ""
    may_retry: bool = False
    retry_after_s: float | None = None
    failure_code: str = ""

    @property
    def answer_code(self) -> str:
        """For whoever looks after the archive: how asking it ended."""
        return self.failure_code or self.code


@dataclass(frozen=True)
class Came:
    """What is known at the end of a pull.

    `listed` and `listed_again` are the archive's listings before and after the last retrieval;
    None: it could not be asked. `stored` are SOP Instance UIDs; `refused` the codes of what came
    and was not taken; `series_numbers` Series Numbers by Series Instance UID, where known;
    `was_sent`: the archive sent it unasked; `stated` how many it says it holds, None: it does not;
    `sent` the UIDs of what came in this pull.
    """

    listed: Collection[Listed]
    listed_again: Collection[Listed] | None
    stored: Collection[str]
    refused: Counter[str]
    failure: ArchiveError | None
    series_numbers: Mapping[str, int | None]
    was_sent: bool = False
    stated: int | None = None
    sent: Collection[str] = frozenset()

    @property
    def unlisted(self) -> frozenset[str]:
        """What is here, and not in the archive's listing."""
        return frozenset(self.stored) - _uids(self.listed)


def reckon(came: Came) -> Outcome:
    """COMPLETE only when all that is listed is stored and a second listing says the same."""
    missing = [one for one in came.listed if one.sop_instance_uid not in came.stored]
    if came.listed_again is not None and not came.listed_again:
        return _vanished(came)
    if missing or not (came.listed or came.stored):
        return _incomplete(came, missing)
    if came.listed_again is None or not came.listed:
        return _unconfirmed(came)
    if _uids(came.listed_again) != _uids(came.listed):
        return _still_arriving(came, came.listed_again)
    if came.failure and came.unlisted:
        return _cut(came, came.failure)
    if (came.stated or 0) > len(_uids(came.listed) | frozenset(came.sent)):
        return _fewer_listed(came)
    return _complete(came)


def _complete(came: Came) -> Outcome:
    if other := came.refused["instance.other_bytes"]:
        text = f"{_images(other)} came again with other content. The first is kept."
        return Outcome(State.COMPLETE, "pull.other_bytes", text)
    if gone := came.unlisted - frozenset(came.sent):
        text = (
            f"{_images(len(gone))} here {_are(len(gone))} not listed by the archive, or no longer."
        )
        return Outcome(State.COMPLETE, "pull.no_longer_listed", text)
    return Outcome(State.COMPLETE)


def _cut(came: Came, failure: ArchiveError) -> Outcome:
    """The listing is short: how much there is, only a whole stream could have told."""
    text = f"{_images(len(came.stored))} came, and the archive lists only {len(came.listed)}."
    words = f"{text} {failure.message}"
    return Outcome(State.PARTIAL, failure.code, words, failure.may_retry)


def _fewer_listed(came: Came) -> Outcome:
    some = _images(came.stated or 0)
    text = f"The archive says that it holds {some}, and lists {len(came.listed)}."
    return Outcome(State.PARTIAL, "pull.fewer_listed", text, may_retry=True)


def _vanished(came: Came) -> Outcome:
    text = "The archive no longer lists this study."
    if not came.stored:
        return Outcome(State.FAILED, "pull.vanished", text)
    some = f"{_images(len(came.stored))} had come before."
    return Outcome(State.PARTIAL, "pull.vanished", f"{text} {some}")


def _incomplete(came: Came, missing: Collection[Listed]) -> Outcome:
    code, reason, may_retry = _reason(came, missing)
    if not came.stored:
        return Outcome(State.FAILED, code, reason, may_retry)
    text = f"{len(missing)} of {_images(len(came.listed))} missing{_where(came, missing)}. {reason}"
    return Outcome(State.PARTIAL, code, text, may_retry)


def _reason(came: Came, missing: Collection[Listed]) -> tuple[str, str, bool]:
    """Why something is missing: a stable code, words, and whether to ask again."""
    damaged = sum(n for code, n in came.refused.items() if code != "instance.other_bytes")
    if came.failure and not (damaged and damaged >= len(missing)):
        return came.failure.code, came.failure.message, came.failure.may_retry
    if damaged:
        kinds = sorted(code for code in came.refused if code != "instance.other_bytes")
        why = REFUSALS.get(kinds[0], "damaged")
        return "pull.damaged", f"{damaged} that came {_are(damaged)} {why}.", damaged < len(missing)
    return "pull.missing", "The archive lists them, and they did not come whole.", True


REFUSALS = {
    "header.not_dicom": "no DICOM",
    "header.cut_off": "cut off",
    "header.incomplete": "without what every image must say of itself",
    "header.too_large": "too large to be taken",
    "instance.other_study": "of another study",
}


def _unconfirmed(came: Came) -> Outcome:
    """All that is known of is here, but the archive could not be asked whether that is all."""
    failure = came.failure
    why = failure.message if failure else "The archive could not be asked again."
    if came.was_sent and not came.listed:
        text = f"{_images(len(came.stored))} sent by the archive. Whether that is all is not known."
        asked = failure.code if failure else ""
        return Outcome(State.PARTIAL, SENT, f"{text} {why}", may_retry=True, failure_code=asked)
    text = f"{_images(len(came.stored))} came. Whether that is all is not known. {why}"
    code = failure.code if failure else "pull.unconfirmed"
    return Outcome(State.PARTIAL, code, text, may_retry=True)


def _still_arriving(came: Came, again: Collection[Listed]) -> Outcome:
    text = f"{_images(len(came.stored))} came, and the archive now lists {len(again)}."
    return Outcome(State.PARTIAL, "pull.still_arriving", text, may_retry=True)


def _where(came: Came, missing: Collection[Listed]) -> str:
    """In which series, by the numbers people know them by: " (series 2: 3 of 10)"."""
    gone = Counter(one.series_instance_uid for one in missing)
    whole = Counter(one.series_instance_uid for one in came.listed)
    if len(whole) == 1 or len(gone) > MOST_SERIES_NAMED:
        return ""
    parts = [
        f"{_series_name(came.series_numbers.get(uid))}: {count} of {whole[uid]}"
        for uid, count in gone.items()
    ]
    return f" ({', '.join(sorted(parts))})"


def _series_name(number: int | None) -> str:
    return "a series not seen yet" if number is None else f"series {number}"


def _uids(listed: Collection[Listed]) -> frozenset[str]:
    return frozenset(one.sop_instance_uid for one in listed)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
