"""An archive in memory that misbehaves on order, for what a real one cannot be made to do."""

from io import BytesIO

from pydicom import dcmread

from imaging.archives.base import Closing, FoundSeries, Level, Listed


class FakeArchive(Closing):
    """Holds files. `steps` are called before each listing and retrieval, in turn."""

    def __init__(self, files, *, studies=()):
        self.files = {}
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

    def echo(self):
        self._fail()

    def search_for_studies(self, question):
        self._fail()
        self.asked.append(question)
        return self.studies

    def search_for_series(self, study_instance_uid):
        uids = sorted({listed.series_instance_uid for listed in self.files})
        return [FoundSeries(uid, "CT", "HEAD") for uid in uids]

    def list_instances(self, study_instance_uid):
        self._fail()
        if self.before_listing:
            self.before_listing.pop(0)()
        return sorted(self.files, key=lambda one: (one.series_instance_uid, one.sop_instance_uid))

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
