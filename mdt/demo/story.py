"""Who and what the demo is about: one table of patients and one of studies. All made up.

Days are counted back from the day the demo was made, so that it never grows old. NHS numbers
are of the 999 range, which is never given to anybody.
"""

from dataclasses import dataclass
from uuid import UUID, uuid5

SEED = UUID("6f3b6f0e-5d0a-4c53-9e7a-0d1f6a2b9c41")


def uid(name: str) -> str:
    """The same UID for the same name, under the root that needs no registration (PS3.5 B.2)."""
    return f"2.25.{uuid5(SEED, name).int}"


@dataclass(frozen=True)
class DemoPatient:
    key: str
    family_name: str
    given_names: str
    sex: str
    birth_date: str
    nhs_number: str
    local_numbers: dict[str, str]

    @property
    def dicom_name(self) -> str:
        return f"{self.family_name}^{self.given_names}"


@dataclass(frozen=True)
class DemoStudy:
    """`picture` is a name in objects.py: what is in it and where the pixels come from."""

    key: str
    patient: str
    trust: str
    days_ago: int
    description: str
    picture: str
    lesion_mm: float = 0
    held_for: str = ""  # whose study the archive says it is, when that is not true
    born: str = ""  # the birth date its headers have, when that is not the patient's
    archive: str = ""  # which of the trust's, when not its first
    also_at: tuple[str, ...] = ()  # trusts that have a copy
    loses: int = 0  # instances the archive lists and never sends


_PEOPLE = [
    DemoPatient("khan", "KHAN", "Amina", "F", "1957-03-12", "9990000018",
                {"RM3": "S0451127", "RBV": "C228190", "RW6": "PA70315", "RWJ": "SH331904"}),
    DemoPatient("khan-a", "KHAN", "Ayesha", "F", "1961-07-30", "9990000026",
                {"R0A": "M1180426", "RM3": "S0788213"}),
    DemoPatient("okonkwo", "OKONKWO", "Daniel", "M", "1949-11-02", "9990000034",
                {"R0A": "M2093317", "RBV": "C305512"}),
    DemoPatient("dean", "DEAN", "Margaret", "F", "1938-01-25", "9990000042", {"RWJ": "SH117350"}),
    DemoPatient("price", "PRICE", "Gareth", "M", "1966-09-14", "9990000050",
                {"RMP": "TG40982", "RWJ": "SH228416"}),
    DemoPatient("walsh", "WALSH", "Niamh", "F", "1974-05-08", "9990000069",
                {"RRF": "WW553021", "RW6": "PA90266"}),
    DemoPatient("hussain", "HUSSAIN", "Tariq", "M", "1952-12-19", "9990000077",
                {"RBV": "C190774", "RM3": "S0390045"}),
    DemoPatient("beaumont", "BEAUMONT", "Claire", "F", "1969-06-21", "9990000085",
                {"RM3": "S0904410", "RW6": "PA81227"}),
    DemoPatient("khalil", "KHALIL", "Amal", "F", "1975-10-03", "9990000093", {"RWJ": "SH331940"}),
]  # fmt: skip
PATIENTS = {patient.key: patient for patient in _PEOPLE}

STUDIES = [
    DemoStudy("khan-ct", "khan", "RM3", 4, "CT head with contrast", "ct-thin", 27),
    DemoStudy("khan-mr", "khan", "RBV", 6, "MR brain T1 with contrast", "mr", 27,
              also_at=("RM3",)),
    DemoStudy("khan-prior", "khan", "RW6", 190, "CT head with contrast", "ct-thick", 18),
    DemoStudy("khan-not-hers", "khalil", "RWJ", 30, "CT head", "ct-small", held_for="khan"),
    DemoStudy("khan-a-cr", "khan-a", "R0A", 20, "XR chest", "cr-chest"),
    DemoStudy("khan-a-us", "khan-a", "R0A", 45, "US in colour", "us-colour"),
    DemoStudy("okonkwo-xa", "okonkwo", "R0A", 9, "XA angiogram", "xa-run"),
    DemoStudy("okonkwo-ct", "okonkwo", "RBV", 12, "CT head", "ct-cranium"),
    DemoStudy("dean-mr", "dean", "RWJ", 8, "MR brain", "mr-brain"),
    DemoStudy("price-mr", "price", "RMP", 5, "MR brain T1 with contrast", "mr", 12, loses=1),
    DemoStudy("price-doubted", "price", "RWJ", 16, "CT head, emergency", "ct-small", 12,
              born="1900-01-01"),
    DemoStudy("walsh-ct", "walsh", "RRF", 11, "CT head", "ct-small", 15),
    DemoStudy("walsh-prior", "walsh", "RW6", 420, "CT head", "ct-small", 6,
              archive="rw6-discs"),
    DemoStudy("hussain-mr", "hussain", "RBV", 14, "MR brain T1 with contrast", "mr", 22),
    DemoStudy("hussain-us", "hussain", "RM3", 60, "US cine", "us-cine"),
    DemoStudy("beaumont-ct", "beaumont", "RM3", 2, "CT head with contrast", "ct-small", 21),
    DemoStudy("beaumont-prior", "beaumont", "RW6", 120, "CT head", "ct-small", 14),
]  # fmt: skip
