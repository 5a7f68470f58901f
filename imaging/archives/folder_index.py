"""What the files of a folder say of themselves, kept beside it so that each is read once.

A small SQLite file outside the folder, which may be a CD. Headers are read in the limited child
process (imaging.frames.process), never here. What is no DICOM is known by its first bytes.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from imaging.archives.folder_files import Found, files_under, read_file
from imaging.frames.header import Header
from imaging.frames.limits import MAX_INSTANCE_BYTES
from imaging.frames.process import reader
from imaging.frames.refused import Refused

DIRECTORY = b"1.2.840.10008.1.3.10"  # Media Storage Directory: a DICOMDIR, which is never believed
NOT_DICOM, DICOMDIR, UNREADABLE = "header.not_dicom", "dicomdir", "file.unreadable"
UNSAID = {UNREADABLE, "header.timeout"}  # of the disk and the machine, not of the file: read again
PREAMBLE = 132
HEAD = 1024
ROWS_A_COMMIT = 50
WAIT_S = 20
TABLE = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY, size INTEGER, changed_ns INTEGER, code TEXT, sha256 TEXT,
    study TEXT, header TEXT
);
CREATE INDEX IF NOT EXISTS file_by_study ON file (study);
"""

WITHIN = "(path >= ? AND path < ?)"
PERSON = ", ".join(
    f"json_extract(header, '$.{name}')"
    for name in (
        *("patient_id", "issuer_of_patient_id", "other_patient_ids"),
        *("patient_name", "birth_date", "sex"),
    )
)


@dataclass(frozen=True)
class Held:
    """One DICOM file of the folder. `sha256` is that of its bytes."""

    path: str
    sha256: str
    header: Header

    @property
    def key(self) -> tuple[str, str]:
        """What tells instances of one study apart."""
        return self.header.series_instance_uid, self.header.sop_instance_uid


class FolderIndex:
    """The headers of one folder. Two processes may have it open at once."""

    def __init__(self, root: Path, beside: Path) -> None:
        """`beside` is the folder of all indexes."""
        self._root = root
        beside.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = index_of(root, beside)

    def refresh(self) -> None:
        """Read what is new or has changed, forget what is gone. Raises ArchiveError."""
        found = {one.path: one for one in files_under(self._root) if _can_be_kept(one.path)}
        with closing(self._connect()) as table:
            rows = table.execute("SELECT code, path, size, changed_ns FROM file").fetchall()
            known = {path: Found(path, *about) for code, path, *about in rows if code not in UNSAID}
            gone = [(path,) for _, path, *_ in rows if path not in found]
            with table:
                table.executemany("DELETE FROM file WHERE path = ?", gone)
            self._keep(
                [one for path, one in sorted(found.items()) if known.get(path) != one], table
            )

    def held(self, study_instance_uid: str = "") -> list[Held]:
        """The DICOM files of one study, or of all, by path; the same bytes once."""
        where = "(study = ? OR ? = '')"
        with closing(self._connect()) as table:
            rows = _rows(table, where, study_instance_uid, study_instance_uid)
            return list(_without_repeats(rows))

    def held_in(self, folder: str) -> list[Held]:
        """Every DICOM file of one folder at the top, repeats as well."""
        with closing(self._connect()) as table:
            return list(_rows(table, WITHIN, *_bounds(folder)))

    def people(self, folders: Collection[str] = ()) -> list[Header]:
        """One header for each person that each study names, of some folders at the top or of all.

        Not the headers of every image: there are hundreds of thousands.
        """
        where = " OR ".join([WITHIN] * len(folders)) or "TRUE"
        bounds = [bound for folder in folders for bound in _bounds(folder)]
        with closing(self._connect()) as table:
            rows = _rows(table, f"({where}) GROUP BY study, {PERSON}", *bounds, path="min(path)")
            return [one.header for one in rows]

    def codes(self, folder: str = "") -> Counter[str]:
        """How many files there are by what they are: "" DICOM, else why they are not held.

        Of everything, or of one folder at the top.
        """
        begins = folder and folder + "/"
        with closing(self._connect()) as table:
            rows = table.execute("SELECT path, code FROM file")
            return Counter(code for path, code in rows if path.startswith(begins))

    def _connect(self) -> sqlite3.Connection:
        table = sqlite3.connect(self._path, timeout=WAIT_S)
        table.executescript(TABLE)
        return table

    def _keep(self, news: list[Found], table: sqlite3.Connection) -> None:
        """All of a few are read before the first is written: nobody waits for a file to be read."""
        for start in range(0, len(news), ROWS_A_COMMIT):
            rows = [self._row(one) for one in news[start : start + ROWS_A_COMMIT]]
            with table:
                table.executemany("REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _row(self, found: Found) -> tuple[object, ...]:
        code, digest, header = self._read(found)
        about = (found.path, found.size, found.changed_ns, code, digest)
        if header is None:
            return (*about, "", "")
        return (*about, header.study_instance_uid, json.dumps(asdict(header)))

    def _read(self, found: Found) -> tuple[str, str, Header | None]:
        """Why it is not held, or nothing; the sha256 of a DICOM file; its header."""
        try:
            if read_file(self._root, found.path, PREAMBLE)[-4:] != b"DICM":
                return NOT_DICOM, "", None
            if found.size > MAX_INSTANCE_BYTES:
                return "header.too_large", "", None
            data = read_file(self._root, found.path, MAX_INSTANCE_BYTES + 1)  # it may be growing
        except OSError:
            return UNREADABLE, "", None
        digest = sha256(data).hexdigest()
        try:
            return "", digest, reader().read_header(data)
        except Refused as refused:
            return DICOMDIR if DIRECTORY in data[:HEAD] else refused.code, digest, None


def index_of(root: Path, beside: Path) -> Path:
    """Where the index of a folder lies."""
    return beside / f"{sha256(str(root.resolve()).encode()).hexdigest()[:32]}.sqlite3"


def _bounds(folder: str) -> tuple[str, str]:
    """All paths within it lie between these: "0" is what comes after "/"."""
    return f"{folder}/", f"{folder}0"


def _rows(
    table: sqlite3.Connection, where: str, *values: str, path: str = "path"
) -> Iterator[Held]:
    ask = f"SELECT {path}, sha256, header FROM file WHERE code = '' AND {where} ORDER BY 1"  # noqa: S608
    for path, digest, header in table.execute(ask, values):
        said = json.loads(header)
        others = [(number, issuer) for number, issuer in said.pop("other_patient_ids")]
        yield Held(path, digest, Header(other_patient_ids=others, **said))


def _without_repeats(rows: Iterator[Held]) -> Iterator[Held]:
    """The same bytes under another name are nothing new; other bytes under one UID are told."""
    seen: set[str] = set()
    for one in rows:
        if one.sha256 not in seen:
            seen.add(one.sha256)
            yield one


def _can_be_kept(path: str) -> bool:
    """Names that are no text (lone surrogates) cannot be written down, nor read again by name."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
