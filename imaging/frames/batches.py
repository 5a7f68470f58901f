"""What is made in one go: of a size that is soon read and soon made, and its rows."""

from collections.abc import Iterator

from imaging.frames.metadata import Place, is_as_received
from imaging.frames.of_instance import Made
from imaging.models import Frame, Segment

BATCH_FRAMES, BATCH_PIXELS = 64, 16_000_000
BATCH_RECEIVED_FRAMES, BATCH_RECEIVED_BYTES = 1024, 16_000_000
MADE = ["segment", "offset", "length", "ends", "crc32", "spread", "code"]


def bounded(places: list[Place]) -> list[Place]:
    """The first of them that make a segment."""
    share = 0.0
    for count, place in enumerate(places, 1):
        share += _share(place)
        if share >= 1:
            return places[:count]
    return places


def _share(place: Place) -> float:
    """Of a segment, what one frame takes. Many more fit in of those that cost no decoding."""
    image, instance = place.described.image_of(place.number), place.described.instance
    if is_as_received(image):
        size = instance.size / place.described.count
        return max(size / BATCH_RECEIVED_BYTES, 1 / BATCH_RECEIVED_FRAMES)
    pixels: int = image["rows"] * image["columns"]
    return max(pixels / BATCH_PIXELS, 1 / BATCH_FRAMES)


def rows(several: list[Made], segment: Segment | None) -> Iterator[Frame]:
    """Frames one after another, in the order their bytes were joined."""
    offset = 0
    for made in several:
        row = Frame(instance=made.place.described.instance, number=made.place.number)
        if made.frame:
            row.segment, row.offset, row.length = segment, offset, len(made.frame.data)
            row.ends, row.crc32 = made.frame.ends, made.frame.crc32
            row.spread = made.frame.spread
            offset += row.length
        row.code = made.code
        yield row
