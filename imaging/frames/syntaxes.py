"""Transfer syntaxes of video: pixel data is one stream, whatever number of frames it shows."""

UIDS = "1.2.840.10008.1.2"
_SINCE = {
    "video/mpeg": (100, 101),
    "video/mp4": (102, 103, 104, 105, 106),
    "video/H265": (107, 108),
}
VIDEO = {
    f"{UIDS}.4.{number}{parts}": media_type
    for media_type, numbers in _SINCE.items()
    for number in numbers
    for parts in ("", ".1")
}
"""Media type by UID; ".1": the same in several fragments (PS3.5 8.2)."""
