"""How much is too much. Every size a stranger's header states is held against these first."""

MAX_INSTANCE_BYTES = 1 << 30
MAX_INFLATED_BYTES = 1 << 28
MAX_FRAME_PIXELS = 64_000_000
MAX_FRAMES = 20_000

CPU_SECONDS = 2
CPU_SECONDS_PER_MEGAPIXEL = 0.25
CPU_SECONDS_PER_100_MB = 1
MEMORY_BYTES = 3 << 30
"""Address space, not what is used: the interpreter and the codecs alone are no small part of it."""

WALL_TO_CPU = 10
"""The clock that stops a child which sleeps; on a busy machine its own CPU limit ends it first."""


def cpu_seconds_to_describe(frames: int) -> int:
    """Each frame may have attributes of its own."""
    return CPU_SECONDS + frames // 1000


def cpu_seconds(megapixels: float, size: int) -> int:
    """What one request may cost, for a frame of so many pixels in an instance of `size` bytes."""
    extra = megapixels * CPU_SECONDS_PER_MEGAPIXEL + size / 1e8 * CPU_SECONDS_PER_100_MB
    return CPU_SECONDS + round(extra)
