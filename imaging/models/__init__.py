"""What imaging knows: archives, what was asked of them, studies and what is here of them.

Nothing here has heard of a meeting, and nothing is defined in this file.
"""

from imaging.models.archives import Archive, Asking
from imaging.models.frames import Frame, Revocation, Segment, SeriesVersion, frame_key
from imaging.models.jobs import Job
from imaging.models.searches import ArchiveAnswer, Search, Upload
from imaging.models.studies import (
    Arrival,
    ExpectedInstance,
    IdentityDecision,
    Instance,
    Quarantined,
    Series,
    Study,
)

__all__ = [
    "Archive",
    "ArchiveAnswer",
    "Arrival",
    "Asking",
    "ExpectedInstance",
    "Frame",
    "IdentityDecision",
    "Instance",
    "Job",
    "Quarantined",
    "Revocation",
    "Search",
    "Segment",
    "Series",
    "SeriesVersion",
    "Study",
    "Upload",
    "frame_key",
]
