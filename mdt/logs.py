"""Log lines name nobody: whatever looks like an identifier of a person is masked."""

import logging
import re

MASK = "[masked]"
#: NHS numbers in their two spellings, and UIDs. Public ids are letters and digits: they stay.
IDENTIFIER = re.compile(
    r"(?<![\w.])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w.])|\b[0-2](?:\.\d+){5,}\b|2\.25\.\d+"
)
#: What a database quotes of the row it refuses: it may be a name or a number of any kind.
QUOTED_ROW = re.compile(r"(DETAIL: |Failing row contains|Key \()[^\n]*")


class MaskingFormatter(logging.Formatter):
    """Masks the finished line, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def mask(text: str) -> str:
    return IDENTIFIER.sub(MASK, QUOTED_ROW.sub(rf"\1{MASK}", text))
