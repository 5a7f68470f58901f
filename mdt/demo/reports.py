"""The demo's reports, as its trusts would have sent them. All made up.

They go the way of every report that a system sends: the same rules say whose they are.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from mdt.demo.make import made_on
from mdt.demo.story import PATIENTS, STUDIES
from mdt.reports.arrived import Arrived, Claimed
from mdt.reports.models import Kind, ReportSource, Status
from mdt.reports.services import receive

#: patient, kind, status, trust, its study or "", number, title, text
REPORTS = [
    ("khan", Kind.IMAGING, Status.FINAL, "RBV", "khan-mr", "MR-7714", "MR brain",
     "Clinical: seizure, left frontal lesion on CT.\n\n"
     "A rim-enhancing left frontal lesion measures 27 mm (18 mm on the CT of six months ago). "
     "Oedema crosses no midline; shift <5 mm. No second lesion >=3 mm.\n\n"
     "Opinion: likely high-grade glioma."),
    ("khan", Kind.IMAGING, Status.FINAL, "RM3", "khan-ct", "CT-30412", "CT head with contrast",
     "Left frontal enhancing lesion, 27 mm, with oedema. No haemorrhage. MR advised."),
    ("khan", Kind.PATHOLOGY, Status.PRELIMINARY, "RM3", "", "H26-01877",
     "Brain, left frontal, biopsy",
     "Preliminary: high-grade glial tumour, GFAP +ve. IDH1 R132H, ATRX and MGMT to follow."),
    ("okonkwo", Kind.IMAGING, Status.PRELIMINARY, "R0A", "okonkwo-xa", "XA-5520", "Angiogram",
     "Preliminary: no aneurysm seen on this run. Consultant's read to follow."),
    ("dean", Kind.IMAGING, Status.FINAL, "RWJ", "dean-mr", "MR-2091", "MR brain",
     "Incidental 11 mm convexity meningioma. No mass effect."),
    ("walsh", Kind.PATHOLOGY, Status.FINAL, "RRF", "", "S26/4471", "Brain, stereotactic biopsy",
     "Diffuse glioma, IDH-mutant, CNS WHO grade 2. Ki-67 <3 %."),
]  # fmt: skip


def seed_reports() -> None:
    """Each is kept once, however often this runs."""
    day = made_on() or timezone.localdate()
    days_ago = {study.key: study.days_ago for study in STUDIES}
    for patient, kind, status, trust, study, number, title, text in REPORTS:
        on = day - timedelta(days=days_ago.get(study, 2) - 1)
        arrived = Arrived(
            kind=kind,
            status=status,
            number=number,
            issued_at=datetime.combine(on, time(10, 40), ZoneInfo(settings.TIME_ZONE)),
            claim=_claim(patient, trust),
            title=title,
            text=text,
        )
        receive(arrived=arrived, source=_source(trust), message_id=f"demo-{number}")


def _claim(key: str, trust: str) -> Claimed:
    patient = PATIENTS[key]
    return Claimed(
        patient_id=patient.local_numbers.get(trust, ""),
        issuer_of_patient_id=trust,
        other_patient_ids=[(patient.nhs_number, "NHS")],
        patient_name=patient.dicom_name,
        birth_date=patient.birth_date,
        sex=patient.sex,
    )


def _source(trust: str) -> ReportSource:
    """A source that nobody can send as: what stands for its token is no hash."""
    values = {
        "way": ReportSource.Way.FHIR,
        "trust_ods_code": trust,
        "token_sha256": f"demo-{trust}",
        "is_active": False,
    }
    name = f"demo-{trust.lower()}"
    return ReportSource.objects.get_or_create(name=name, defaults=values)[0]
