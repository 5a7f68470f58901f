"""Images and reports by every way that is not an archive's answer; and who looks after those."""

import io
import re
import zipfile
from datetime import date
from itertools import islice

import pytest
from playwright.sync_api import expect

from mdt.demo.objects import make_study
from mdt.demo.story import DemoStudy
from tests.e2e.browsing import PATIENCE_MS, pixels

pytestmark = pytest.mark.e2e

BROUGHT = DemoStudy("brought", "dean", "RWJ", 1, "CT head from a disc", "ct-small", 11)
WHOLE_LIST_MS = 4 * PATIENCE_MS  # the studies of the cases before it are fetched first
PATHOLOGY = "Meningothelial meningioma, CNS WHO grade 1. Ki-67 <2 %."


@pytest.fixture(scope="module")
def meeting(product):
    return f"/meetings/{product.new_meeting()}"


def opened_case(page, name):
    """A case's card with its studies, opened by keyboard."""
    card = page.locator(".lb-case", has_text=name)
    card.locator(".lb-case__name").press("Enter")
    expect(card.locator(".lb-studies")).to_be_visible()
    return card


def zipped(study, count):
    """A zip of a study's first images, as somebody's CD would come."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as disc:
        for number, image in enumerate(islice(make_study(study, date.today()), count), start=1):
            held = io.BytesIO()
            image.save_as(held, enforce_file_format=True)
            disc.writestr(f"DICOM/IM{number:04d}", held.getvalue())
    return file.getvalue()


def test_a_zip_from_the_coordinators_desk_becomes_pictures_in_the_room(enter, meeting):
    page = enter("coordinator", meeting)
    opened_case(page, "DEAN").get_by_role("link", name="Upload a CD or zip").press("Enter")
    page.get_by_label("Whose CD, stick or zip is it?").select_option("RWJ")
    disc = {"name": "disc.zip", "mimeType": "application/zip", "buffer": zipped(BROUGHT, 3)}
    page.get_by_label("A zip, or several files").set_input_files([disc])
    page.get_by_role("button", name="Upload", exact=True).press("Enter")
    expect(page.locator("#uploads")).to_contain_text("3 DICOM files taken")
    expect(page.locator("#uploads")).to_contain_text("1 study found")
    page.get_by_role("link", name="The list").press("Enter")
    row = opened_case(page, "DEAN").locator("tr", has_text=BROUGHT.description)
    expect(row).to_contain_text("3 of 3", timeout=WHOLE_LIST_MS)
    chair = enter("chair", meeting)
    chair.get_by_role("button", name="Open room").click()
    chair.locator(".case__button", has_text="DEAN").click()
    pane = chair.locator("[data-pane=a]")
    expect(pane).to_contain_text("CT")
    expect(pane.locator("canvas")).to_be_visible()
    expect(pane).not_to_contain_text(re.compile("PREVIEW|loading", re.IGNORECASE))
    assert pixels(chair)["lit"] > 1000


def test_a_doubtful_study_goes_on_once_its_imaging_team_knows_the_person(enter, meeting):
    page = enter("imaging", "/")
    page.get_by_role("link", name="Identity").press("Enter")
    wait_for_row(page, page.locator("tr", has_text="Stockport"))
    page.get_by_role("link", name=re.compile("Look at the CT")).press("Enter")
    expect(page.locator(".lb-fact--differs")).to_contain_text("a date that stands for not known")
    page.get_by_role("button", name="Keep this decision").press("Enter")
    expect(page.get_by_label("It is the same person")).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_label("Reason").select_option(index=1)
    page.get_by_role("button", name="Keep this decision").press("Enter")
    expect(page.locator("main")).to_contain_text("Your decision is kept")
    expect(page.locator("main")).to_contain_text("No study and no report waits for you")
    card = opened_case(enter("coordinator", meeting), "PRICE")
    expect(card.locator("tr", has_text="Stockport")).to_contain_text(
        "48 of 48", timeout=WHOLE_LIST_MS
    )
    expect(card).not_to_contain_text("withheld")


def wait_for_row(page, row):
    """The queue is read anew until the archives have answered."""
    for _ in range(PATIENCE_MS // 500):
        if row.count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("nothing waits for the imaging team")


def test_the_step_test_says_in_words_what_is_wrong_with_an_archive(enter):
    page = enter("administrator", "/")
    page.get_by_role("link", name="Archives", exact=True).press("Enter")
    page.get_by_role("link", name="rmc-bolton").press("Enter")
    page.get_by_role("button", name="Test", exact=True).press("Enter")
    steps = page.locator(".lb-steps")
    expect(steps).to_contain_text("nothing listens on port 9")
    expect(steps).to_contain_text("whether the archive is running")
    expect(steps).to_contain_text("Not tried: TLS")


def test_a_pasted_report_lights_its_lamp(enter, meeting):
    page = enter("coordinator", meeting)
    card = opened_case(page, "OKONKWO")
    expect(card).to_contain_text("no pathology report")
    card.get_by_role("link", name="Add a report").press("Enter")
    page.get_by_label("Pathology").press("Space")
    page.get_by_label("Final").press("Space")
    page.get_by_label("Reported by").select_option("R0A")
    page.get_by_label("Issued on").fill(date.today().isoformat())
    page.get_by_label("Text of the report").fill(PATHOLOGY)
    page.get_by_role("button", name="Keep the report").press("Enter")
    expect(page.locator("main")).to_contain_text(PATHOLOGY)
    page.get_by_role("link", name="The list").press("Enter")
    lamp = page.locator(".lb-case", has_text="OKONKWO").locator(".lb-case__report")
    expect(lamp.last).to_contain_text("pathology report final: Manchester University")
