"""Made-up people: twelve of the demo's team, one of them a stranger to it, and two with a duty."""

from dataclasses import dataclass

from django.conf import settings

from mdt.demo.places import TRUSTS
from mdt.members import Role
from mdt.teams.models import Duty, Specialty

PASSWORD = settings.DEMO_PASSWORD  # shown on the demo's sign-in page


@dataclass(frozen=True)
class DemoPerson:
    username: str
    title: str
    first_name: str
    last_name: str
    trust: str
    role: Role | None = None
    specialty: Specialty | None = None
    duty: Duty.Kind | None = None
    looks_after: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """Who it is, for the list of logins: 'Mr Rajesh Patel, Chair, Surgery, RM3'."""
        name = f"{self.title} {self.first_name} {self.last_name}"
        plays = self.role or self.duty
        part = str(plays.label) if plays else "not a member of the team"
        knows = [self.specialty.label] if self.specialty else []
        return ", ".join([name, part, *knows, self.trust])


PEOPLE = [
    DemoPerson("coordinator", "Ms", "Anna", "Coleman", "RM3",
               Role.COORDINATOR, Specialty.COORDINATION),
    DemoPerson("chair", "Mr", "Rajesh", "Patel", "RM3", Role.CHAIR, Specialty.SURGERY),
    DemoPerson("deputy", "Dr", "Helen", "Marsh", "RBV", Role.DEPUTY, Specialty.ONCOLOGY),
    DemoPerson("radiologist", "Dr", "Ruth", "Osei", "R0A", Role.CORE, Specialty.RADIOLOGY),
    DemoPerson("radiologist2", "Dr", "Tom", "Keane", "RM3", Role.CORE, Specialty.RADIOLOGY),
    DemoPerson("pathologist", "Dr", "Lucy", "Brandt", "RM3", Role.CORE, Specialty.PATHOLOGY),
    DemoPerson("surgeon", "Miss", "Emma", "Yates", "RM3", Role.CORE, Specialty.SURGERY),
    DemoPerson("oncologist", "Dr", "Imran", "Sheikh", "RBV", Role.CORE, Specialty.ONCOLOGY),
    DemoPerson("nurse", "Sr", "Grace", "Mensah", "RM3", Role.CORE, Specialty.NURSING),
    DemoPerson("consultant", "Dr", "Paul", "Whitfield", "RWJ", Role.EXTENDED),
    DemoPerson("observer", "Ms", "Zoe", "Lambert", "RMP", Role.OBSERVER),
    DemoPerson("stranger", "Dr", "Nina", "Foster", "RMC"),
    DemoPerson("imaging", "Mr", "Owen", "Pryce", "RWJ",
               duty=Duty.Kind.IMAGING_TEAM, looks_after=tuple(TRUSTS)),
    DemoPerson("administrator", "Ms", "Farah", "Aziz", "RM3",
               duty=Duty.Kind.ARCHIVE_ADMINISTRATOR, looks_after=tuple(TRUSTS)),
]  # fmt: skip
SIGN_INS = [(person.username, person.described) for person in PEOPLE]
