"""COSD v10 code lists of the outcome (the core MDT and care plan sections)."""

from django.db import models


class DiscussionType(models.TextChoices):
    """MDTM discussion type (CR8110), or with an N before it MDTM discussion (CR8100).

    COSD takes one of the two items, never both: so they are one list here.
    """

    DISCUSSED = "1", "Discussed within trust MDTM"
    STANDARD_OF_CARE = "2", "Patient on predefined Standard of Care"
    ELSEWHERE = "3", "Discussed at another trust's MDTM"
    NOT_DISCUSSED = "N1", "Not discussed"
    NOT_KNOWN = "N2", "Not known whether discussed"


class Intent(models.TextChoices):
    """Cancer care plan intent (CR0460)."""

    CURATIVE = "C", "Curative"
    NON_CURATIVE = "Z", "Non-curative"
    NO_ACTIVE_TREATMENT = "X", "No active treatment"
    NOT_KNOWN = "9", "Not known"


class Treatment(models.TextChoices):
    """Planned cancer treatment type (CR0470), up to four of them."""

    SURGERY = "01", "Surgery"
    EXTERNAL_BEAM = "02", "External beam radiotherapy (not proton)"
    CHEMOTHERAPY = "03", "Chemotherapy"
    HORMONE = "04", "Hormone therapy"
    PALLIATIVE = "05", "Specialist palliative care"
    BRACHYTHERAPY = "06", "Brachytherapy"
    BIOLOGICAL = "07", "Biological therapy"
    OTHER_ACTIVE = "10", "Other active treatment"
    NO_ACTIVE = "11", "No active treatment"
    BISPHOSPHONATES = "12", "Bisphosphonates"
    ANTI_CANCER_OTHER = "13", "Anti-cancer drug, other"
    RADIOTHERAPY_OTHER = "14", "Radiotherapy, other"
    NOT_KNOWN = "99", "Not known"


class NoTreatmentReason(models.TextChoices):
    """No cancer treatment reason (CR0490)."""

    DECLINED = "01", "Patient declined treatment"
    PERFORMANCE_STATUS = "02", "Unfit: poor performance status"
    COMORBIDITY = "03", "Unfit: significant co-morbidity"
    ADVANCED = "04", "Unfit: advanced stage cancer"
    UNKNOWN_PRIMARY = "05", "Unknown primary site"
    DIED = "06", "Died before treatment"
    NONE_AVAILABLE = "07", "No anti-cancer treatment available"
    OTHER = "08", "Other"
    MONITORING = "10", "Monitoring only"
    NOT_KNOWN = "99", "Not known"


class PerformanceStatus(models.TextChoices):
    """Performance status, adult (CR0510), WHO."""

    PS0 = "0", "0: fully active"
    PS1 = "1", "1: light work"
    PS2 = "2", "2: self-care, up more than half the day"
    PS3 = "3", "3: limited self-care"
    PS4 = "4", "4: completely disabled"
    NOT_RECORDED = "9", "Not recorded"


class CnsIndication(models.TextChoices):
    """Clinical nurse specialist indication code (CR2050)."""

    AT_DIAGNOSIS = "Y1", "Present when the diagnosis was given"
    SAME_CLINIC = "Y3", "Seen at the same clinic"
    OTHER_TIME = "Y4", "Seen at another time"
    TEAM_MEMBER = "Y5", "Seen by a trained member of the team"
    INFORMED_ONLY = "NI", "Not seen, but informed"
    NOT_INFORMED = "NN", "Not seen and not informed"
    NOT_KNOWN = "99", "Not known"


class TnmEdition(models.TextChoices):
    """TNM coding edition (CR6980)."""

    UICC = "1", "UICC"
    AJCC = "2", "AJCC"
    ENETS = "3", "ENETS"
