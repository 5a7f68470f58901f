"""An object of the store for whoever waits: where it cannot be had, a sentence and its code."""

import logging

from imaging import store
from imaging.store.base import StoreError
from mdt.errors import StoreTrouble

log = logging.getLogger(__name__)


def read(key: str) -> bytes:
    """All of it. Raises StoreTrouble."""
    try:
        return store.get().read_range(key)
    except FileNotFoundError as lost:
        log.error("an object is not in the store")
        text = "This is not in the store any more. Tell whoever runs the service."
        raise StoreTrouble("store.lost", text, may_pass=False) from lost
    except StoreError as error:
        log.warning("an object was not read: %s", error.code)
        text = "The store does not answer. Try again."
        raise StoreTrouble(error.code, text, may_pass=True) from error
