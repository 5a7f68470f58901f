"""An archive in memory that misbehaves on order, for what a real one cannot be made to do."""

from io import BytesIO

from pydicom import dcmread

from imaging.archives.base import Closing, FoundSeries, Level, Listed


class FakeArchive(Closing):
    """Holds files, and answers with those of `studies` that a question means.

    `before_listing` are called before each listing, in turn.
    """

    def __init__(self, files, *, studies=()):
        self.files = {}
        self.study_of = {}
        self.studies = list(studies)
        self.asked = []
        self.failure = None
        self.before_listing = []
        for file in files:
            self.add(file)

    def add(self, file, instead_of=None):
        """List an instance; send `file` for it. With `instead_of` it is listed as that one."""
        header = dcmread(BytesIO(instead_of or file), stop_before_pixels=True)
        listed = Listed(header.SeriesInstanceUID, header.SOPInstanceUID, header.SOPClassUID)
        self.files[listed] = file
        self.study_of[listed] = header.StudyInstanceUID

    def forget(self, study_instance_uid):
        """Neither list nor answer with a study any more."""
        self.files = {k: v for k, v in self.files.items() if self.study_of[k] != study_instance_uid}
        self.studies = [s for s in self.studies if s.study_instance_uid != study_instance_uid]

    def echo(self):
        self._fail()

    def search_for_studies(self, question):
        self._fail()
        self.asked.append(question)
        return [study for study in self.studies if is_meant(study, question)]

    def search_for_series(self, study_instance_uid):
        uids = sorted({listed.series_instance_uid for listed in self.files})
        return [FoundSeries(uid, "CT", "HEAD") for uid in uids]

    def list_instances(self, study_instance_uid):
        self._fail()
        if self.before_listing:
            self.before_listing.pop(0)()
        held = [one for one in self.files if study_instance_uid in ("", self.study_of[one])]
        return sorted(held, key=lambda one: (one.series_instance_uid, one.sop_instance_uid))

    def retrieve(self, wanted):
        self.asked.append(wanted)
        series = {one.series_instance_uid for one in wanted.instances}
        for listed, file in list(self.files.items()):
            is_asked = {
                Level.STUDY: True,
                Level.SERIES: listed.series_instance_uid in series,
                Level.IMAGE: listed in wanted.instances,
            }
            if is_asked[wanted.level] and file is not None:
                yield file
        self._fail()

    def _fail(self):
        if self.failure:
            raise self.failure


def is_meant(study, question):
    """As archives match: letter by letter, accents and all, padding left out. What an answer leaves
    out is not known here, and may be what was asked for.
    """
    name, begins = study.patient_name.upper(), question.family_name_begins
    return (
        question.patient_id in ("", study.patient_id.strip())
        and (not name or name.startswith(begins))
        and question.birth_date in ("", study.birth_date or question.birth_date)
    )
