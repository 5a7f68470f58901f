"""The one way in which a header or a frame is turned down."""


class Refused(Exception):
    """What came cannot be used. `code` is stable; `message` is for people and says no patient data.

    Codes: `header.not_dicom`, `header.cut_off`, `header.incomplete` (no UIDs, no size, no transfer
    syntax), `header.damaged` (nothing to be said but that it cannot be read), `header.too_large`,
    `header.timeout`, `frame.damaged`, `frame.unsupported`, `frame.too_large`, `frame.timeout`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
