"""Slides and videos were no pictures of before: their frames are made now, a video's as one item."""

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef
from django.utils import timezone

VIDEO = [
    f"1.2.840.10008.1.2.4.{number}{parts}" for number in range(100, 109) for parts in ("", ".1")
]


def make_again(apps: Any, schema_editor: Any) -> None:
    """What was refused as a kind nobody can show is tried once more: refusing it again is cheap."""
    frames = apps.get_model("imaging", "Frame").objects.filter(code="frame.unsupported")
    of_series = frames.filter(instance__series=OuterRef("series"))
    jobs = apps.get_model("imaging", "Job").objects.filter(Exists(of_series), kind="frames")
    ended = list(jobs.filter(state__in=("done", "failed")).values_list("pk", flat=True))
    frames.delete()
    instances = apps.get_model("imaging", "Instance").objects
    instances.filter(transfer_syntax_uid__in=VIDEO, frame_count__gt=1).update(frame_count=1)
    again = apps.get_model("imaging", "Job").objects.filter(pk__in=ended)
    again.update(state="waiting", attempts=0, due_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("imaging", "0006_archives2")]
    operations = [migrations.RunPython(make_again, migrations.RunPython.noop)]
