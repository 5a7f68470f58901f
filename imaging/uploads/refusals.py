"""The ways in which an upload is turned down: stable codes, and sentences without patient data."""


class UploadRefused(Exception):
    """Nothing of the upload is taken. `code` is stable, `message` is for whoever brought it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def refused(code: str) -> UploadRefused:
    return UploadRefused(code, WORDS[code])


WORDS = {
    "upload.damaged": "The zip is damaged or cut off: it did not come in whole. Make it again.",
    "upload.not_a_zip": "This file is called a zip and is none. Make a zip file, or choose the "
    "folder of the CD itself.",
    "upload.encrypted": "The zip is locked with a password. Unlock it, then upload what is in it.",
    "upload.unsupported": "The zip is packed in an unusual way. Make it again as a plain zip file.",
    "upload.bad_names": "The zip holds files whose names lead out of it. No CD looks like that: "
    "ask who made it.",
    "upload.links": "The zip holds links instead of files. Make it again with the files.",
    "upload.bomb": "The zip is far larger inside than any CD. Nothing of it was opened.",
    "upload.too_many": "There are far too many files for one CD. Upload one CD at a time.",
    "upload.too_large": "This is larger than can be taken at one time. Upload one CD at a time.",
    "upload.nested_zip": "There is another zip inside, and no image beside it. Open the outer one, "
    "then upload the inner one.",
    "upload.no_dicom": "There is no DICOM image in it. Pictures and papers alone cannot be taken.",
    "upload.another_person": "All DICOM files in it are about somebody else. None was taken: look "
    "at whose CD it is.",
    "upload.empty": "No file has come.",
    "upload.gave_up": "Looking through these files ended without a word, several times.",
    "upload.no_space": "There is no room for it on this machine now. Tell whoever looks after "
    "Lightbox.",
    "upload.cut_off": "The upload ended before everything had come. Start it again.",
}
