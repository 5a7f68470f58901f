"""The one way in which a header or a frame is turned down."""


class Refused(Exception):
    """What came cannot be used. `code` is stable; `message` is for people and says no patient data.

    Codes: `header.not_dicom`, `header.damaged`, `header.too_large`, `header.timeout`,
    `frame.damaged`, `frame.unsupported`, `frame.too_large`, `frame.timeout`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
