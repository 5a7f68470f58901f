from datetime import date, timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from imaging.models import Archive, Instance, Job, Search, Series, Study
from mdt.meetings.models import Attendance, ListedCase, Meeting
from mdt.members import Person, Role
from mdt.referrals.models import Patient, PatientNumber, Referral, ReferralStudy
from mdt.teams.models import Membership, Site, Specialty, Team, Trust


class PersonFactory(DjangoModelFactory):
    class Meta:
        model = Person

    username = factory.Sequence(lambda n: f"person{n}")


class TrustFactory(DjangoModelFactory):
    class Meta:
        model = Trust
        django_get_or_create = ("ods_code",)

    ods_code = "RM3"
    name = "Northern Care Alliance NHS Foundation Trust"


class SiteFactory(DjangoModelFactory):
    class Meta:
        model = Site
        django_get_or_create = ("ods_code",)

    trust = factory.SubFactory(TrustFactory)
    ods_code = "RM301"
    name = "Salford Royal"


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = "Neuro-oncology"
    mdt_type = "0201"
    site = factory.SubFactory(SiteFactory)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    team = factory.SubFactory(TeamFactory)
    person = factory.SubFactory(PersonFactory)
    role = Role.CORE
    specialty = Specialty.SURGERY
    from_date = factory.LazyFunction(timezone.localdate)


class MeetingFactory(DjangoModelFactory):
    class Meta:
        model = Meeting

    team = factory.SubFactory(TeamFactory)
    starts_at = factory.LazyFunction(timezone.now)

    class Params:
        live = factory.Trait(
            state=Meeting.State.LIVE,
            opened_at=factory.LazyFunction(timezone.now),
            opened_by=factory.SubFactory(PersonFactory),
        )


class PatientFactory(DjangoModelFactory):
    class Meta:
        model = Patient

    family_name = "KHAN"
    given_names = "Amina"
    birth_date = date(1957, 3, 12)
    sex = Patient.Sex.FEMALE


class PatientNumberFactory(DjangoModelFactory):
    class Meta:
        model = PatientNumber

    patient = factory.SubFactory(PatientFactory)
    issuer = PatientNumber.Issuer.NHS
    value = "9990000018"


class ReferralFactory(DjangoModelFactory):
    class Meta:
        model = Referral

    patient = factory.SubFactory(PatientFactory)
    question = "Is this resectable?"


class ReferralStudyFactory(DjangoModelFactory):
    class Meta:
        model = ReferralStudy

    referral = factory.SubFactory(ReferralFactory)
    study = factory.SubFactory("tests.factories.StudyFactory")
    is_chosen = True
    reason = "newest of its kind"


class ListedCaseFactory(DjangoModelFactory):
    class Meta:
        model = ListedCase

    meeting = factory.SubFactory(MeetingFactory, live=True)
    referral = factory.SubFactory(ReferralFactory)
    position = factory.Sequence(lambda n: n)


class AttendanceFactory(DjangoModelFactory):
    class Meta:
        model = Attendance

    source = Attendance.Source.TICK
    joined_at = factory.LazyFunction(timezone.now)
    seen_at = factory.LazyFunction(timezone.now)


class ArchiveFactory(DjangoModelFactory):
    class Meta:
        model = Archive
        django_get_or_create = ("name",)

    name = "rm3"
    trust_ods_code = "RM3"
    kind = Archive.Kind.DICOMWEB
    base_url = "http://127.0.0.1:1/dicom-web"


class SearchFactory(DjangoModelFactory):
    class Meta:
        model = Search

    sought = factory.LazyFunction(
        lambda: {
            "nhs_number": "9990000018",
            "family_name": "KHAN",
            "given_names": "Amina",
            "birth_date": "1957-03-12",
            "sex": "F",
            "local_numbers": {},
        }
    )
    meeting_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))


class StudyFactory(DjangoModelFactory):
    class Meta:
        model = Study
        skip_postgeneration_save = True

    archive = factory.SubFactory(ArchiveFactory)
    search = factory.SubFactory(SearchFactory)
    study_instance_uid = factory.Sequence(lambda n: f"1.2.826.0.1.{n}")
    verdict = Study.Verdict.SAME
    modalities = "CT"

    @factory.post_generation
    def searches(self, create, extracted, **_):
        self.searches.add(self.search)


class SeriesFactory(DjangoModelFactory):
    class Meta:
        model = Series

    study = factory.SubFactory(StudyFactory)
    series_instance_uid = factory.Sequence(lambda n: f"1.2.826.0.2.{n}")
    modality = "CT"


class InstanceFactory(DjangoModelFactory):
    class Meta:
        model = Instance

    series = factory.SubFactory(SeriesFactory)
    sop_instance_uid = factory.Sequence(lambda n: f"1.2.826.0.3.{n}")
    sop_class_uid = "1.2.840.10008.5.1.4.1.1.2"
    transfer_syntax_uid = "1.2.840.10008.1.2.1"
    frame_count = 1
    store_key = factory.Sequence(lambda n: f"{n:064x}")
    sha256 = factory.SelfAttribute("store_key")
    size = 1


class PullJobFactory(DjangoModelFactory):
    class Meta:
        model = Job

    kind = Job.Kind.PULL
    study = factory.SubFactory(StudyFactory)
    archive = factory.SelfAttribute("study.archive")
    due_at = factory.LazyFunction(timezone.now)
    meeting_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
