"""Parts of the body and sides, as departments write them."""

import pytest

from imaging.body_parts import (
    MOST_READ,
    are_paired,
    in_words,
    meet,
    parts_asked,
    parts_in,
    parts_of,
    parts_reported,
)
from imaging.models import Study
from imaging.sides import sides_in, sides_of

TRUNK = {"chest", "abdomen", "pelvis"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CT TAP", TRUNK),
        ("CT Chest/Abdo/Pelvis", TRUNK),
        ("CT T.A.P.", TRUNK),
        ("CHESTABDPELVIS", TRUNK),
        ("CT Neck/Chest/Abdo/Pelvis", TRUNK | {"neck"}),
        ("NECKCHESTABDPELV", TRUNK | {"neck"}),
        ("MR IAMs", {"head.iam"}),
        ("CTPA", {"chest"}),
        ("XR T-spine", {"spine.thoracic"}),
        ("MRI thoracic spine", {"spine.thoracic"}),
        ("MRI LSS", {"spine.lumbar"}),
        ("USS kidneys", {"abdomen.kidney"}),
        ("MRCP", {"abdomen.liver", "abdomen.biliary", "abdomen.pancreas"}),
        ("XR Neck of femur", {"limb.hip"}),
        ("Head of pancreas", {"abdomen.pancreas"}),
        ("XR Cervical spine", {"spine.cervical"}),
        ("FDG PET-CT skull base to mid-thigh", {"whole"}),
        ("US legacy", set()),
        ("Imported study", set()),
        ("", set()),
    ],
)
def test_parts_named_by_a_study(text, parts):
    assert parts_in(text) == parts


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("?recurrent GBM", {"head.brain"}),
        ("RUL mass, T3N2", {"chest"}),
        ("DCIS on the left", {"breast"}),
        ("PI-RADS 5", {"pelvis.prostate"}),
        ("HCC segment VIII", {"abdomen.liver"}),
        ("Lung nodule. Hx breast cancer 2012.", {"chest"}),
        ("Previous breast cancer", {"breast"}),
        ("Fit for surgery?", set()),
    ],
)
def test_parts_asked_by_a_question(question, parts):
    assert parts_asked(question) == parts


@pytest.mark.parametrize(
    ("code", "description", "parts"),
    [
        ("HEAD", "", {"head"}),
        ("", "CT thorax", {"chest"}),
        ("CHEST", "CT TAP", TRUNK),
        ("ABDOMEN", "US kidneys", {"abdomen.kidney"}),
        ("BRAIN", "chest", {"head.brain", "chest"}),
        ("UNKNOWN", "CT", set()),
    ],
)
def test_code_and_description_both_count_and_the_finer_one_wins(code, description, parts):
    assert parts_of(code, description) == parts


@pytest.mark.parametrize(
    ("ones", "others", "they_meet"),
    [
        ({"abdomen"}, {"abdomen.liver"}, True),
        ({"abdomen.liver"}, {"abdomen.kidney"}, False),
        ({"whole"}, {"limb.knee"}, True),
        ({"whole"}, set(), False),
        ({"head"}, {"neck"}, False),
    ],
    ids=str,
)
def test_a_region_meets_its_organs(ones, others, they_meet):
    assert meet(ones, others) == meet(others, ones) == they_meet


def test_a_pair_is_a_pair_only_where_all_parts_are():
    assert are_paired({"limb.knee"})
    assert are_paired({"breast"})
    assert not are_paired({"breast", "chest"})
    assert not are_paired(set())


def test_parts_are_said_as_people_say_them():
    assert in_words({"chest", "abdomen.liver", "pelvis.female"}) == (
        "chest, liver and uterus and ovaries"
    )


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("MR knee LT", {"left"}),
        ("XR R hip", {"right"}),
        ("US breasts L and R", {"left", "right"}),
        ("MR L spine", set()),
        ("XR L/S spine", set()),
        ("MR L5 root", set()),
        ("MRI T/L spines", set()),
        ("CT chest R/O PE", set()),
        ("CT chest r. o. PE", set()),
        ("XR R orbit", {"right"}),
    ],
)
def test_sides_named(text, sides):
    assert sides_in(text) == sides


def test_a_coded_side_stands_over_the_description_and_both_is_both():
    assert sides_of(Study(laterality="L", description="XR knee right")) == {"left"}
    assert sides_of(Study(description="Mammogram bilateral")) == {"left", "right"}
    assert sides_of(Study(), ["R"]) == {"right"}
    assert sides_of(Study(), ["B"]) == {"left", "right"}
    assert sides_of(Study(laterality="L", description="Knees, both")) == {"left", "right"}
    assert sides_of(Study(laterality="L"), ["R"]) == {"left", "right"}


@pytest.mark.parametrize(
    ("report", "parts"),
    [
        ("MRI right knee\nMeniscal tear. Normal liver.", {"limb.knee"}),
        ("Report\nFrontal glioma, stable.", {"head.brain"}),
        ("Clinical history: breast cancer.\nThe liver is normal.", {"abdomen.liver"}),
        ("INDICATION:\nKnee pain\nFindings: lung nodule", {"chest"}),
        ("Comparison is made with CT chest. Liver lesion.", {"abdomen.liver"}),
        ("Compared with CT chest of 2024. Liver lesion.", {"abdomen.liver"}),
        ("Known breast cancer. Liver lesion.", {"abdomen.liver"}),
        ("No lung lesion. Liver lesion.", {"abdomen.liver"}),
        ("No change but a new liver lesion.", {"abdomen.liver"}),
        ("The chest was not included. Liver lesion.", {"abdomen.liver"}),
        ("Liver lesion. Recommend CT chest.", {"abdomen.liver"}),
        ("Previous mastectomy.", set()),
        (f"{'word ' * MOST_READ} liver", set()),
        ("", set()),
    ],
)
def test_parts_a_report_speaks_of(report, parts):
    assert parts_reported(report) == parts


def test_a_report_stands_for_a_description_that_names_no_part_and_for_no_other():
    assert parts_of("LSPINE", "Imported", "MRI brain") == {"spine.lumbar", "head.brain"}
    assert parts_of("HEAD", "Imported", "MRI brain") == {"head.brain"}
    assert parts_of("", "CT chest", "MRI brain") == {"chest"}
