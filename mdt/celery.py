import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdt.settings")
app = Celery("mdt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["imaging", "mdt.meetings", "mdt.reports"])


@worker_process_init.connect
def start_decoders(**_: object) -> None:
    """Before there is work: the first picture would wait a second for them."""
    from imaging.frames.process import reader  # not in the web tier, which imports this module

    reader()
