"""Made DICOM files: tiny, the same every time, and known to the last number."""

from hashlib import sha256
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498.77"

KHAN = {
    "PatientName": "KHAN^Amina",
    "PatientBirthDate": "19570312",
    "PatientSex": "F",
}
OTHER_PATIENT = {
    "PatientID": "B999",
    "PatientName": "OTHER^Person",
    "PatientBirthDate": "19400101",
    "PatientSex": "M",
}


def uid(*parts):
    """uid("a", 3): always the same one for the same words."""
    digest = sha256(" ".join(map(str, parts)).encode()).digest()
    return f"{ROOT}.{int.from_bytes(digest[:12])}"


def study_uid(name):
    return uid("study", name)


def make_instance(study, series=1, number=1, *, nhs_number="", **header):
    """One 8 x 8 CT slice as bytes; every pixel is 100 x series + number."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid(study, series, number)
    ds.StudyInstanceUID = study_uid(study)
    ds.SeriesInstanceUID = uid("series", study, series)
    ds.StudyID, ds.AccessionNumber = "1", "A1"
    ds.StudyDate, ds.StudyTime = "20260110", "101500"
    ds.StudyDescription, ds.SeriesDescription = "CT head", f"series {series}"
    ds.Modality, ds.BodyPartExamined = "CT", "HEAD"
    ds.SeriesNumber, ds.InstanceNumber = series, number
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [0, 0, float(number)]
    ds.PixelSpacing = [1, 1]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 8
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.PixelData = np.full((8, 8), 100 * series + number, "<u2").tobytes()
    ds.PatientID = "A100"
    for keyword, value in (KHAN | header).items():
        setattr(ds, keyword, value)
    if nhs_number:
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID = nhs_number, "NHS"
        other.TypeOfPatientID = "TEXT"
        ds.OtherPatientIDsSequence = [other]
    return as_file(ds)


def make_study(study, *, series=1, instances=3, **header):
    """A study of CT slices: `series` of them, each with as many `instances`, as bytes."""
    return [
        make_instance(study, one, number, **header)
        for one in range(1, series + 1)
        for number in range(1, instances + 1)
    ]


def as_file(ds):
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
