"""What rows of before say in the new columns: how an archive knows us, whose a study is."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:
    """A user name meant basic authentication; an archive's studies were all its own trust's."""
    archives = apps.get_model("imaging", "Archive").objects
    archives.filter(kind="dicomweb", auth="none").exclude(username="").update(auth="basic")
    own = archives.filter(pk=OuterRef("archive_id")).values("trust_ods_code")[:1]
    studies = apps.get_model("imaging", "Study").objects
    studies.filter(trust_ods_code="").update(trust_ods_code=Subquery(own))


class Migration(migrations.Migration):
    dependencies = [("imaging", "0002_any_archive")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
