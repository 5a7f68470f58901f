"""What every message is made by, and the bounds of all of them."""

from enum import IntEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL_VERSION = 1
MAX_BYTES = 64 * 1024  # of one message from a browser, in UTF-8
MAX_MISSED = 2000  # events in one welcome
MAX_WELCOME = 512 * 1024  # characters of one welcome: Daphne sends no message over 1 MiB


class CloseCode(IntEnum):
    """Why the server ends a socket. Daphne sends the code and no reason."""

    SIGN_IN = 4401  # the session is over: sign in, then come back with `since`
    NOT_FOUND = 4404  # no such room for this person, now or any longer: do not come back
    COME_BACK = 4408  # too far behind, too loud, or the server could not: come back with `since`


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# What ends in a row of the database; PostgreSQL keeps no NUL.
PublicId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
PublicIdOrNone = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,16}$")]
TabId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,36}$")]
