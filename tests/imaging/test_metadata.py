"""What the document says a picture means: windows, values, honest spacing, places, loss."""

import json

import numpy as np
import pytest
from pydicom.dataset import Dataset

from imaging.frames import metadata
from imaging.models import Frame, Segment
from imaging.pixels import apply_window
from tests.factories import InstanceFactory, SeriesFactory, StudyFactory
from tests.imaging import files

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(decoders):
    """The first image the metadata of a made file, or of bytes, would hold."""

    def image(data=None, **attributes):
        return decoders.describe(data or files.made(**attributes))["images"][0]

    return image


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


# ---- values and windows -------------------------------------------------------------------


def test_a_ct_says_its_numbers_are_hounsfield_units(image):
    found = image(RescaleSlope=2, RescaleIntercept=-1024, BitsStored=12, HighBit=11)
    assert (found["slope"], found["intercept"], found["unit"]) == (2, -1024, "HU")
    assert found["value_range"] == [-2048 * 2 - 1024, 2047 * 2 - 1024]
    assert (found["kind"], found["is_signed"]) == ("mono16", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"Modality": "MR", "RescaleSlope": 1, "RescaleIntercept": 0},
        {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"},
        {"RescaleSlope": 1, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {},
    ],
    ids=["mr", "unspecified", "localizer", "no-rescale"],
)
def test_other_numbers_have_no_unit(image, changes):
    assert image(**changes)["unit"] == ""


def test_every_window_of_the_header_is_offered_in_order(image):
    found = image(
        WindowCenter=[40, 600], WindowWidth=[80, 2800], WindowCenterWidthExplanation=["BRAIN", ""]
    )
    assert found["voi"] == [
        {"centre": 40, "width": 80, "function": "LINEAR", "name": "BRAIN"},
        {"centre": 600, "width": 2800, "function": "LINEAR", "name": "WINDOW2"},
    ]


def test_a_sigmoid_stays_one_and_a_window_of_no_width_is_none(image):
    found = image(WindowCenter=40, WindowWidth=80, VOILUTFunction="SIGMOID")
    assert found["voi"][0]["function"] == "SIGMOID"
    assert image(WindowCenter=40, WindowWidth=0)["voi"] == []


@pytest.mark.parametrize(
    ("function", "width", "is_kept"),
    [
        *[("LINEAR", 0.5, False), ("LINEAR_EXACT", 0.5, True), ("SIGMOID", 0.5, True)],
        *[("LINEAR_EXACT", 0, False), ("SIGMOID", -1, False), ("MADE UP", 0.5, False)],
    ],
)
def test_a_window_narrower_than_one_is_one_of_the_functions_that_allow_it(
    image, function, width, is_kept
):
    found = image(WindowCenter=0.4, WindowWidth=width, VOILUTFunction=function)["voi"]
    assert [(one["width"], one["function"]) for one in found] == [(width, function)] * is_kept


def test_a_voi_lut_is_scaled_to_grey(image):
    table = item(LUTDescriptor=[4, -2, 12], LUTData=[0, 1000, 3000, 4095], LUTExplanation="SOFT")
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    table["LUTDescriptor"].value = [4, 65534, 12]
    found = image(VOILUTSequence=[table], RescaleSlope=1, RescaleIntercept=-1024)
    assert found["voi_lut"] == {"first": -2, "values": [0, 62, 187, 255], "name": "SOFT"}


def test_a_modality_lut_is_applied_here_and_nothing_is_left_to_do(image, decoders):
    table = item(LUTDescriptor=[4, 0, 16], LUTData=[10, 20, 40, 80], ModalityLUTType="HU")
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    data = files.made(np.array([[0, 1], [3, 9]], "<u2"), ModalityLUTSequence=[table])
    found = image(data)
    assert (found["slope"], found["intercept"], found["unit"]) == (1, 0, "HU")
    assert (found["value_range"], found["is_signed"]) == ([10, 80], False)
    with decoders.opened(data) as instance:
        assert instance.frame(1).spread[::3] == [10, 80]


# ---- spacing ----------------------------------------------------------------------------


NO_PLACE = {"ImageOrientationPatient": None, "ImagePositionPatient": None}
REGION = {
    **{"RegionSpatialFormat": 1, "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3},
    **{"PhysicalDeltaX": 0.05, "PhysicalDeltaY": 0.04},
    **{"RegionLocationMinX0": 0, "RegionLocationMinY0": 0},
    **{"RegionLocationMaxX1": 7, "RegionLocationMaxY1": 5},
}


@pytest.mark.parametrize(
    ("changes", "kind", "row", "column"),
    [
        ({}, "calibrated", 0.5, 0.25),
        ({"PixelSpacing": None}, "none", None, None),
        ({"PixelSpacing": [0, 0.25]}, "none", None, None),
        ({"Modality": "CR"}, "at-detector", 0.5, 0.25),
        (
            {"Modality": "DX", "PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.2]},
            *("at-detector", 0.2, 0.2),
        ),
        (
            {"Modality": "DX", "PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]},
            *("at-detector", 0.2, 0.2),
        ),
        (
            {"Modality": "DX", "PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]},
            *("calibrated", 0.1, 0.1),
        ),
        ({"Modality": "CR", "PixelSpacingCalibrationType": "FIDUCIAL"}, "calibrated", 0.5, 0.25),
        (
            {
                **{"Modality": "MG", "PixelSpacing": None, "ImagerPixelSpacing": [0.11, 0.11]},
                "EstimatedRadiographicMagnificationFactor": 1.1,
            },
            *("calibrated", 0.1, 0.1),
        ),
        ({"Modality": "OT"}, "none", None, None),
        ({"Modality": "US"}, "none", None, None),
        (
            {"Modality": "US", "SequenceOfUltrasoundRegions": [item(**REGION)]},
            *("region", 0.4, 0.5),
        ),
        (
            {"Modality": "US", "SequenceOfUltrasoundRegions": [item(**REGION), item(**REGION)]},
            *("none", None, None),
        ),
        (
            {
                "Modality": "US",
                "SequenceOfUltrasoundRegions": [item(**REGION | {"RegionLocationMinX0": 4})],
            },
            *("none", None, None),
        ),
        (
            {
                "Modality": "US",
                "SequenceOfUltrasoundRegions": [item(**REGION | {"PhysicalUnitsXDirection": 4})],
            },
            *("none", None, None),
        ),
    ],
)
def test_a_millimetre_is_claimed_only_where_it_is_one(image, changes, kind, row, column):
    spacing = image(**changes)["spacing"]
    assert spacing["kind"] == kind
    assert (spacing["row"], spacing["column"]) == (
        (None, None) if row is None else pytest.approx((row, column))
    )
    assert bool(spacing["note"]) == (kind != "calibrated" or "Modality" in changes)


def test_a_detectors_spacing_that_only_rounding_tells_from_pixel_spacing_is_at_the_detector(image):
    spacing = image(
        Modality="DX",
        ImagerPixelSpacing=["0.148", "0.148"],
        PixelSpacing=["0.14800000190735", "0.14800000190735"],
    )["spacing"]
    assert spacing["kind"] == "at-detector"
    assert spacing["note"] == "at the detector: in the patient it is smaller"


def test_a_length_on_a_scout_view_is_never_called_calibrated(image):
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    assert image(**scout)["spacing"] == {
        **{"row": 0.5, "column": 0.25, "kind": "at-detector"},
        "note": "a scout view: true only at the isocentre",
    }
    assert image(**scout, Modality="MR")["spacing"]["kind"] == "calibrated"


def test_pixels_that_are_not_square_keep_their_proportion(image):
    assert image()["pixel_aspect"] == 2
    changes = {"Modality": "US", "PixelSpacing": None, "PixelAspectRatio": [4, 3]}
    assert image(**changes)["pixel_aspect"] == pytest.approx(4 / 3)


# ---- places, sides, loss ------------------------------------------------------------------


def test_an_orientation_that_is_none_is_not_believed(image):
    assert image()["row_cosines"] == [1, 0, 0]
    assert image(ImageOrientationPatient=[1, 0, 0, 1, 0, 0])["row_cosines"] is None
    assert image(ImageOrientationPatient=[2, 0, 0, 0, 1, 0])["column_cosines"] is None


def test_the_side_is_said_where_the_header_says_it(image):
    assert image(Laterality="L")["laterality"] == "L"
    assert image(ImageLaterality="R", Laterality="L")["laterality"] == "R"
    assert image(ImageLaterality="U")["laterality"] == ""


def test_what_was_ever_compressed_with_loss_says_so(image):
    assert image()["lossy"] is None
    found = image(
        LossyImageCompression="01",
        LossyImageCompressionRatio=[2, 10.2],
        LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"],
    )
    assert found["lossy"] == {"ratio": 10.2, "method": "ISO_15444_1"}


def test_a_lossy_syntax_says_so_though_the_header_does_not(image):
    assert image(files.read("JPEG-lossy.dcm"))["lossy"]["method"] == "ISO_10918_1"
    assert image(files.read("JPEG2000.dcm"))["lossy"] is not None


def test_frames_of_an_enhanced_object_have_places_and_windows_of_their_own(decoders):
    frames = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])],
            FrameVOILUTSequence=[item(WindowCenter=10 * z, WindowWidth=100)],
        )
        for z in (4, 2)
    ]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])],
        PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.7])],
        PixelValueTransformationSequence=[
            item(RescaleSlope=2, RescaleIntercept=-8, RescaleType="HU")
        ],
    )
    data = files.made(
        **NO_PLACE,
        **{"PixelSpacing": None, "NumberOfFrames": 2, "PixelData": bytes(192)},
        PerFrameFunctionalGroupsSequence=frames,
        SharedFunctionalGroupsSequence=[shared],
    )
    found = decoders.describe(data)
    assert [frame["position"] for frame in found["frames"]] == [[0, 0, 4], [0, 0, 2]]
    assert [image["voi"][0]["centre"] for image in found["images"]] == [40, 20]
    assert {(i["slope"], i["unit"], i["spacing"]["row"]) for i in found["images"]} == {
        (2, "HU", 0.7)
    }


def test_the_planes_of_a_dose_grid_do_not_all_lie_at_the_first_ones_place(decoders):
    grid = {
        **{"Modality": "RTDOSE", "NumberOfFrames": 3, "PixelData": bytes(288)},
        "ImagePositionPatient": [1, 2, 3],
        "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
    }
    found = decoders.describe(files.made(**grid, GridFrameOffsetVector=[0, 2.5, 5]))
    assert [frame["position"] for frame in found["frames"]] == [[1, 2, 3], [1, 4.5, 3], [1, 7, 3]]


@pytest.mark.parametrize("offsets", [None, [0, 2.5], [3, 5.5, 8]], ids=str)
def test_frames_that_only_say_where_the_first_one_lies_have_no_place(decoders, offsets):
    """Too few offsets place none, and those that do not begin at nought are counted otherwise."""
    data = files.made(NumberOfFrames=3, PixelData=bytes(288), GridFrameOffsetVector=offsets)
    found = decoders.describe(data)
    assert [frame["position"] for frame in found["frames"]] == [None] * 3


def test_a_cine_says_how_fast_it_runs_and_a_still_does_not(image):
    assert image(FrameTime=40, NumberOfFrames=2, PixelData=bytes(192))["frame_rate"] == 25
    assert image(FrameTime=40)["frame_rate"] is None


def test_colour_has_no_window(image):
    found = image(pixels=np.zeros((4, 4, 3), "u1"))
    assert (found["kind"], found["photometric"], found["voi"]) == ("rgb8", "RGB", [])


# ---- the document -------------------------------------------------------------------------


def described(decoders, series, number, **attributes):
    attributes = {"InstanceNumber": number, "ImagePositionPatient": [0, 0, -number]} | attributes
    instance = InstanceFactory(series=series, instance_number=number)
    return metadata.Described(instance, decoders.describe(files.made(**attributes)))


def test_a_document_is_in_order_of_place_and_says_what_is_not_made(decoders):
    series = SeriesFactory(description="HEAD", study=StudyFactory(study_date="2026-11-20"))
    known = [described(decoders, series, number) for number in (1, 2)]
    places, geometry = metadata.in_order(known)
    segment = Segment(series=series, number=1)
    frame = Frame(
        **{"instance": known[0].instance, "number": 1, "segment": segment, "length": 9},
        **{"offset": 3, "ends": [4, 9], "crc32": 7, "spread": [0, 10, 110, 200]},
    )
    content = metadata.document(series, 2, places, geometry, {places[1].key: frame})
    assert content["geometry"] == {"kind": "volume", "spacing": 1, "notes": []}
    assert [f["label"] for f in content["frames"]] == ["2", "1"]
    assert [f["segment"] for f in content["frames"]] == [None, 1]
    assert (content["frames"][1]["offset"], content["frames"][1]["ends"]) == (3, [4, 9])
    assert content["images"][0]["voi"] == [
        {"centre": 60, "width": 100, "function": "LINEAR_EXACT", "name": "computed"}
    ]
    assert (content["version"], content["is_complete"], content["trust"]) == (2, False, "RM3")
    assert metadata.unpacked(metadata.packed(content).getvalue()) == content


def computed(decoders, spread, **attributes):
    """The window of an image that states none, of whose one frame so much was seen."""
    series = SeriesFactory()
    one = described(decoders, series, 1, Modality="MR", RescaleIntercept=0, **attributes)
    places, geometry = metadata.in_order([one])
    frame = Frame(instance=one.instance, number=1, spread=spread)
    (image,) = metadata.document(series, 1, places, geometry, {places[0].key: frame})["images"]
    return image["voi"][0]


def test_a_map_from_0_to_0_8_without_a_window_shows_its_lowest_black_and_its_highest_white(
    decoders,
):
    voi = computed(decoders, [0, 0, 8000, 8000], RescaleSlope="0.0001")
    window = {"center": voi["centre"], "width": voi["width"], "function": voi["function"]}
    assert apply_window(np.array([0, 0.4, 0.8]), **window).tolist() == [0, 128, 255]


def test_values_that_are_all_alike_have_a_window_too(decoders):
    voi = computed(decoders, [7, 7, 7, 7], RescaleSlope="0.5")
    assert (voi["centre"], voi["width"]) == (3.5, 1)


def test_no_uid_and_no_name_is_in_a_document(decoders):
    series = SeriesFactory()
    places, geometry = metadata.in_order([described(decoders, series, 1)])
    content = metadata.document(series, 1, places, geometry, {})
    assert content["frame_of_reference"]
    text = json.dumps(content)
    for secret in ("1.2.826", "SYNTHETIC", "T1"):
        assert secret not in text


def test_series_that_share_a_frame_of_reference_share_its_token(decoders):
    def token(uid):
        series = SeriesFactory()
        one = described(decoders, series, 1, FrameOfReferenceUID=uid)
        return metadata.document(series, 1, *metadata.in_order([one]), {})["frame_of_reference"]

    assert token("1.2.3") == token("1.2.3") != token("1.2.4")
    assert token(None) is None


def test_without_any_frame_made_the_window_holds_all_that_can_be(decoders):
    series = SeriesFactory()
    places, geometry = metadata.in_order([described(decoders, series, 1)])
    (image,) = metadata.document(series, 1, places, geometry, {})["images"]
    assert image["voi"][0]["width"] == 65535
