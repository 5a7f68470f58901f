"""The trusts of Greater Manchester, their hospitals, and the archive each has in the demo."""

import shutil
from dataclasses import dataclass

from imaging.models import Archive

NhsNumberIn = Archive.NhsNumberIn

TRUSTS = {
    "RM3": "Northern Care Alliance NHS Foundation Trust",
    "R0A": "Manchester University NHS Foundation Trust",
    "RBV": "The Christie NHS Foundation Trust",
    "RMC": "Bolton NHS Foundation Trust",
    "RRF": "Wrightington, Wigan and Leigh NHS Foundation Trust",
    "RWJ": "Stockport NHS Foundation Trust",
    "RMP": "Tameside and Glossop Integrated Care NHS Foundation Trust",
    "RW6": "Pennine Acute Hospitals NHS Trust",
}
DATA_ONLY = {"RW6"}
#: Site code (the trust's and two characters) to name. The last characters are the demo's own.
SITES = {
    "RM301": "Salford Royal",
    "RM302": "Royal Oldham Hospital",
    "R0A02": "Manchester Royal Infirmary",
    "R0A07": "Wythenshawe Hospital",
    "RBV01": "The Christie Hospital",
    "RMC01": "Royal Bolton Hospital",
    "RRF02": "Royal Albert Edward Infirmary",
    "RWJ01": "Stepping Hill Hospital",
    "RMP01": "Tameside General Hospital",
    "RW601": "North Manchester General Hospital (to 2021)",
}


@dataclass(frozen=True)
class DemoArchive:
    """`server` is who answers: orthanc, orthanc-auth, full, poor, nobody, folder (servers.py)."""

    name: str
    trust: str
    wanted_server: str
    nhs_number_in: str

    @property
    def server(self) -> str:
        """Where Orthanc is not installed, our own server stands in for it."""
        wants_orthanc = self.wanted_server.startswith("orthanc")
        return "full" if wants_orthanc and not find_orthanc() else self.wanted_server

    @property
    def issuer_of_patient_id(self) -> str:
        return "NHS" if self.nhs_number_in == NhsNumberIn.PATIENT_ID else self.trust

    @property
    def ae_title(self) -> str:
        return f"DEMO_{self.trust}"


#: Orthanc's QIDO-RS matches no Other Patient IDs Sequence: with it the NHS number is Patient ID.
ARCHIVES = [
    DemoArchive("rm3-salford", "RM3", "orthanc-auth", NhsNumberIn.PATIENT_ID),
    DemoArchive("r0a-manchester", "R0A", "orthanc", NhsNumberIn.PATIENT_ID),
    DemoArchive("rbv-christie", "RBV", "full", NhsNumberIn.OTHER_PATIENT_IDS),
    DemoArchive("rmc-bolton", "RMC", "nobody", NhsNumberIn.OTHER_PATIENT_IDS),
    DemoArchive("rrf-wigan", "RRF", "poor", NhsNumberIn.PATIENT_ID),
    DemoArchive("rwj-stockport", "RWJ", "full", NhsNumberIn.OTHER_PATIENT_IDS),
    DemoArchive("rmp-tameside", "RMP", "full", NhsNumberIn.PATIENT_ID),
    DemoArchive("rw6-pennine", "RW6", "full", NhsNumberIn.OTHER_PATIENT_IDS),
    DemoArchive("rw6-discs", "RW6", "folder", NhsNumberIn.OTHER_PATIENT_IDS),
]
BY_NAME = {archive.name: archive for archive in ARCHIVES}
BY_TRUST = {archive.trust: archive for archive in reversed(ARCHIVES)}  # its first


def find_orthanc() -> str:
    """The path of Orthanc's program, or empty."""
    return shutil.which("Orthanc") or ""
