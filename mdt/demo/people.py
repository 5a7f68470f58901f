"""Twelve made-up people of the demo's team, one of them a stranger to it, and how they sign in."""

from dataclasses import dataclass

from mdt.members import Role
from mdt.teams.models import Specialty

PASSWORD = "lightbox-demo"  # noqa: S105  shown on the demo's sign-in page; DEMO=1 only


@dataclass(frozen=True)
class DemoPerson:
    username: str
    title: str
    first_name: str
    last_name: str
    trust: str
    role: Role | None = None
    specialty: Specialty | None = None

    @property
    def described(self) -> str:
        """Who it is, for the list of logins: 'Mr Rajesh Patel, Chair, Surgery, RM3'."""
        name = f"{self.title} {self.first_name} {self.last_name}"
        part = [self.role.label if self.role else "not a member of the team"]
        knows = [self.specialty.label] if self.specialty else []
        return ", ".join([name, *part, *knows, self.trust])


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
]  # fmt: skip
SIGN_INS = [(person.username, person.described) for person in PEOPLE]
