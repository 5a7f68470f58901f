import json
from datetime import timedelta

import pytest
from django.utils import timezone

from imaging.models import Archive
from imaging.scp.guests import hosts_of
from mdt.archives import services
from mdt.archives.forms import FORMS
from mdt.audit.models import AuditEvent
from mdt.errors import NotAllowed
from mdt.teams.models import Duty
from tests.factories import ArchiveFactory, TrustFactory
from tests.mdt.archive_kit import audited, looks_after, url

pytestmark = pytest.mark.django_db
SECRETS = {
    "password": "first-made-up-word",
    "token": "second-made-up-word",
    "client_secret": "third-made-up-word",
    "client_key": "fourth-made-up-word",
}
LONG_AGO = timezone.localdate() - timedelta(days=900)
NUMBERS = {"nhs_number_in": "patient-id", "at_most": "2"}
DICOMWEB = NUMBERS | {
    "trust_ods_code": "RM3",
    "name": "rm3-salford",
    "base_url": "https://pacs.example/dicom-web",
    "auth": "none",
    "page_size": "500",
}
DIMSE = NUMBERS | {
    "trust_ods_code": "RM3",
    "name": "rm3-vna",
    "host": "10.1.2.3",
    "port": "104",
    "called_ae_title": "VNA",
    "calling_ae_title": "LIGHTBOX",
    "retrieve_by": "get",
}

FOLDER = NUMBERS | {"trust_ods_code": "RM3", "name": "cds"}


@pytest.fixture
def archive():
    return ArchiveFactory(auth="basic", username="lightbox", **SECRETS)


# Whose it is.


@pytest.mark.parametrize("name", ["archive", "archive-card", "archive-change"])
def test_the_archives_of_another_trust_are_not_there(name, desk, administrator):
    TrustFactory(ods_code="RBV", name="The Christie")
    mine, theirs = ArchiveFactory(), ArchiveFactory(name="rbv", trust_ods_code="RBV")
    assert desk.get(url(name, mine)).status_code == 200
    assert desk.get(url(name, theirs)).status_code == 404


@pytest.mark.parametrize(
    "act",
    ["archive-save", "archive-pause", "archive-resume", "archive-ask-again", "archive-test"],
)
def test_nothing_is_done_to_the_archive_of_another_trust(act, desk):
    TrustFactory(ods_code="RBV", name="The Christie")
    theirs = ArchiveFactory(name="rbv", trust_ods_code="RBV", is_paused=True)
    before = Archive.objects.values().get(pk=theirs.pk)
    sent = DICOMWEB | {"reason": "mine now"}
    assert desk.post(url(act, theirs), sent).status_code == 404
    assert Archive.objects.values().get(pk=theirs.pk) == before
    assert not AuditEvent.objects.exists()


def test_the_list_holds_the_archives_of_ones_trusts_and_no_others(desk):
    TrustFactory(ods_code="RBV", name="The Christie")
    ArchiveFactory(name="rm3-salford")
    ArchiveFactory(name="rbv-christie", trust_ods_code="RBV")
    content = desk.get(url("archives")).content.decode()
    assert "rm3-salford" in content
    assert "rbv-christie" not in content


@pytest.mark.parametrize(
    "duty",
    [
        {"kind": Duty.Kind.IMAGING_TEAM},
        {"from_date": LONG_AGO, "to_date": timezone.localdate() - timedelta(days=1)},
        {"from_date": timezone.localdate() + timedelta(days=1)},
    ],
    ids=["imaging team", "was until yesterday", "from tomorrow"],
)  # fmt: skip
def test_another_duty_or_another_day_opens_nothing(duty, client, archive):
    client.force_login(looks_after("RM3", **duty))
    for name, parts in (("archives", []), ("archive", [archive]), ("archive-new", ["dimse"])):
        assert client.get(url(name, *parts)).status_code == 404
    assert "Archives</a>" not in client.get(url("home")).content.decode()


def test_the_header_leads_there_only_whose_duty_it_is(desk, client, chair):
    assert "Archives</a>" in desk.get(url("home")).content.decode()
    client.force_login(chair)
    assert "Archives</a>" not in client.get(url("home")).content.decode()


def test_a_service_asks_again_whose_it_is(archive):
    other = looks_after("RBV")
    with pytest.raises(NotAllowed):
        services.pause(archive=archive, by=other, reason="mine now")
    with pytest.raises(NotAllowed):
        services.add_archive(kind="dicomweb", by=other, trust_ods_code="RM3", name="x")
    archive.refresh_from_db()
    assert not archive.is_paused
    assert Archive.objects.count() == 1


def test_an_archive_cannot_be_given_to_a_trust_one_does_not_look_after(desk, archive):
    TrustFactory(ods_code="RBV", name="The Christie")
    answer = desk.post(url("archive-save", archive), DICOMWEB | {"trust_ods_code": "RBV"})
    assert answer.status_code == 422
    archive.refresh_from_db()
    assert archive.trust_ods_code == "RM3"


# Adding and changing.


@pytest.mark.parametrize(("kind", "sent"), [("dicomweb", DICOMWEB), ("dimse", DIMSE)])
def test_a_new_archive_is_paused_until_it_was_tested(kind, sent, desk, administrator):
    answer = desk.post(url("archive-add", kind), sent)
    added = Archive.objects.get()
    assert answer["HX-Redirect"] == url("archive", added)
    assert (added.kind, added.is_paused) == (kind, True)
    event = AuditEvent.objects.get()
    assert (event.action, event.by) == ("archive.added", administrator.public_id)
    assert event.target == f"imaging.Archive:{added.public_id}"


def test_a_folder_must_lie_where_folders_are_read(desk, settings, tmp_path):
    settings.ARCHIVE_FOLDERS = [str(tmp_path)]
    sent = NUMBERS | {"trust_ods_code": "RM3", "name": "cds", "folder": "/etc"}
    answer = desk.post(url("archive-add", "folder"), sent)
    assert (answer.status_code, Archive.objects.count()) == (422, 0)
    assert "archive.folder" in answer.content.decode()
    sent["folder"] = f"{tmp_path}/../../etc"
    assert desk.post(url("archive-add", "folder"), sent).status_code == 422
    sent["folder"] = f"{tmp_path}/cds"
    assert desk.post(url("archive-add", "folder"), sent).status_code == 200
    assert Archive.objects.get().folder == f"{tmp_path}/cds"


def test_each_form_has_the_fields_of_its_kind_and_shows_all_of_them(desk):
    for kind, form in FORMS.items():
        content = desk.get(url("archive-new", kind)).content.decode()
        shown = [name for _, _, names in form.sections for name in names]
        assert sorted(shown) == sorted(form.base_fields)
        assert all(f'name="{name}"' in content for name in shown)
    assert "base_url" not in FORMS["dimse"].base_fields
    assert "called_ae_title" not in FORMS["dicomweb"].base_fields


def test_a_kind_there_is_none_of_has_no_form(desk):
    assert desk.get(url("archive-new", "telepathy")).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"base_url": "http://169.254.169.254/latest"}, "archive.address"),
        ({"base_url": "ftp://pacs.example/"}, "archive.address"),
        ({"base_url": ""}, "required"),
        ({"trusts_by_issuer": "SRFT = RM33"}, "archive.unknown_trust"),
        ({"name": "rm3 salford"}, "invalid"),
        ({"opens_at": "19:00"}, "archive.hours"),
        ({"opens_at": "7 pm", "closes_at": "07:00"}, "invalid"),
        ({"at_most": "0"}, "min_value"),
        ({"per_hour": "many"}, "invalid"),
        ({"auth": "basic", "username": "lightbox"}, "archive.missing"),
        ({"auth": "bearer"}, "archive.missing"),
        ({"auth": "oauth2", "client_id": "x", "client_secret": "y"}, "archive.missing"),
        ({"auth": "oauth2", "token_url": "http://169.254.169.254/"}, "archive.address"),
        ({"ca_certificate": "not a certificate"}, "archive.certificate"),
        ({"client_key": "a key alone"}, "archive.missing"),
        ({"unsupported_filters": "PatientName; drop"}, "archive.keywords"),
        ({"trusts_by_issuer": "RM3"}, "archive.issuers"),
        ({"trust_ods_code": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_nothing_is_saved(wrong, code, desk):
    answer = desk.post(url("archive-add", "dicomweb"), DICOMWEB | wrong)
    content = answer.content.decode()
    assert (answer.status_code, Archive.objects.count()) == (422, 0)
    assert f'<span class="lb-code">{code}</span>' in content
    assert "Not saved" in content
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"host": "127.0.0.1/x"}, "archive.address"),
        ({"host": "fe80::1"}, "archive.address"),
        ({"port": "70000"}, "max_value"),
        ({"called_ae_title": "A\\B"}, "archive.ae_title"),
        ({"called_ae_title": "SEVENTEEN-LETTERS"}, "max_length"),
    ],
)
def test_what_is_wrong_with_a_dimse_archive_is_said_in_words(wrong, code, desk):
    answer = desk.post(url("archive-add", "dimse"), DIMSE | wrong)
    assert (answer.status_code, Archive.objects.count()) == (422, 0)
    assert f'<span class="lb-code">{code}</span>' in answer.content.decode()


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({}, 422),
        ({"host": "10.1.2.4"}, 200),
        ({"called_ae_title": "PACS"}, 200),
        ({"move_destination": "LBTWO"}, 200),
        ({"retrieve_by": "get"}, 200),
    ],
)
def test_two_archives_that_nothing_tells_apart_are_not_both_asked_to_move(other, status, desk):
    moving = DIMSE | {"retrieve_by": "move", "move_destination": "LBONE"}
    desk.post(url("archive-add", "dimse"), moving)
    assert desk.post(url("archive-save", Archive.objects.get()), moving).status_code == 200
    answer = desk.post(url("archive-add", "dimse"), moving | {"name": "rm3-other"} | other)
    assert answer.status_code == status
    assert ("archive.same_title" in answer.content.decode()) == (status == 422)


PUSHES = {"pushes_as": "VNA", "pushes_from": "10.1.2.4"}


@pytest.mark.parametrize(
    ("kind", "sent"), [("dicomweb", DICOMWEB), ("dimse", DIMSE), ("folder", FOLDER)]
)
def test_an_archive_of_any_kind_may_push_as_who_and_from_where_it_says(
    kind, sent, desk, settings, tmp_path
):
    settings.ARCHIVE_FOLDERS = [str(tmp_path)]
    sent = sent | ({"folder": f"{tmp_path}/cds"} if kind == "folder" else {})
    assert desk.post(url("archive-add", kind), sent | PUSHES).status_code == 200
    added = Archive.objects.get()
    assert (added.pushes_as, added.pushes_from) == ("VNA", "10.1.2.4")
    content = desk.get(url("archive-change", added)).content.decode()
    assert 'value="10.1.2.4"' in content
    assert "What it sends by itself" in content
    assert desk.post(url("archive-save", added), sent).status_code == 200
    added.refresh_from_db()
    assert (added.pushes_as, added.pushes_from) == ("", "")


@pytest.mark.parametrize(
    ("kind", "sent", "wrong", "words"),
    [
        ("dicomweb", DICOMWEB, {"pushes_as": "VNA"}, "Type the host name or address it sends"),
        ("dicomweb", DICOMWEB, {"pushes_from": "10.1.2.4"}, "Type the AE title it sends"),
        ("dimse", DIMSE, {"pushes_from": "10.1.2.4"}, "Type the AE title it sends"),
        ("dicomweb", DICOMWEB, PUSHES | {"pushes_from": "a host"}, "is no name of a machine"),
        ("dicomweb", DICOMWEB, PUSHES | {"pushes_as": "A\\B"}, "An AE title has plain letters"),
    ],
)
def test_half_of_who_pushes_is_said_in_words_and_not_kept(kind, sent, wrong, words, desk):
    answer = desk.post(url("archive-add", kind), sent | wrong)
    assert (answer.status_code, Archive.objects.count()) == (422, 0)
    assert words in answer.content.decode()


def test_a_dimse_archive_pushes_from_its_own_host_where_no_other_is_said(desk):
    answer = desk.post(url("archive-add", "dimse"), DIMSE | {"pushes_as": "VNA"})
    assert answer.status_code == 200
    assert hosts_of(Archive.objects.get(), "VNA") == {"10.1.2.3"}


def test_two_archives_never_have_one_name(desk, archive):
    answer = desk.post(url("archive-add", "dicomweb"), DICOMWEB | {"name": "RM3"})
    assert (answer.status_code, Archive.objects.count()) == (422, 1)
    assert desk.post(url("archive-save", archive), DICOMWEB | {"name": "rm3"}).status_code == 200


def test_lists_and_maps_are_typed_as_text(desk):
    typed = {"unsupported_filters": "PatientName, StudyDate", "trusts_by_issuer": "SRFT = rm3\n"}
    desk.post(url("archive-add", "dicomweb"), DICOMWEB | typed)
    added = Archive.objects.get()
    assert added.unsupported_filters == ["PatientName", "StudyDate"]
    assert added.trusts_by_issuer == {"SRFT": "RM3"}
    content = desk.get(url("archive-change", added)).content.decode()
    assert "PatientName, StudyDate" in content
    assert "SRFT = RM3" in content


# Secrets.


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_each_form_knows_which_of_its_fields_are_secret(kind):
    form = FORMS[kind]
    assert set(form.secrets) == services.SECRETS & form.base_fields.keys()


def test_no_page_ever_shows_a_secret(desk, archive):
    Archive.objects.update(client_certificate="x")
    pages = [url("archives"), url("archive", archive), url("archive-change", archive)]
    content = "".join(desk.get(one).content.decode() for one in pages)
    again = desk.post(url("archive-save", archive), DICOMWEB | SECRETS | {"name": "not a name"})
    assert again.status_code == 422
    assert not [one for one in SECRETS.values() if one in content + again.content.decode()]
    assert "One is kept and never shown" in content


def test_a_secret_left_empty_is_kept_and_one_typed_replaces_it(desk, archive):
    sent = DICOMWEB | {"name": "rm3", "auth": "basic", "username": "lightbox"}
    sent |= {"base_url": f"{archive.base_url}/other"}
    desk.post(url("archive-save", archive), sent | {"password": ""})
    archive.refresh_from_db()
    assert archive.password == SECRETS["password"]
    desk.post(url("archive-save", archive), sent | {"password": "another made-up one "})
    archive.refresh_from_db()
    assert archive.password.startswith("another made-up one")
    assert archive.password.endswith(" ")


@pytest.mark.parametrize(
    ("auth", "secret", "elsewhere"),
    [
        ("basic", "password", {"base_url": "https://elsewhere.example/dicom-web"}),
        ("bearer", "token", {"base_url": "http://pacs.example/dicom-web"}),
        ("oauth2", "client_secret", {"token_url": "https://elsewhere.example/token"}),
    ],
)
def test_a_kept_secret_is_sent_to_no_other_machine(auth, secret, elsewhere, desk, archive):
    there = {"base_url": DICOMWEB["base_url"], "token_url": "https://pacs.example/token"}
    Archive.objects.update(**there)
    sent = DICOMWEB | there | {"name": "rm3", "auth": auth, "username": "l", "client_id": "l"}
    refused = desk.post(url("archive-save", archive), sent | elsewhere)
    assert "archive.another_machine" in refused.content.decode()
    assert refused.status_code == 422
    typed = sent | elsewhere | {secret: "made up again"}
    assert desk.post(url("archive-save", archive), typed).status_code == 200
    assert vars(Archive.objects.get())[secret] == "made up again"


def test_what_no_longer_serves_is_forgotten(desk, archive):
    desk.post(url("archive-save", archive), DICOMWEB | {"name": "rm3", "auth": "none"})
    archive.refresh_from_db()
    assert [getattr(archive, name) for name in (*SECRETS, "username")] == [""] * 5


def test_the_audit_says_what_changed_and_no_secret(desk, archive):
    sent = DICOMWEB | {"name": "rm3", "auth": "basic", "username": "lightbox", "at_most": "4"}
    desk.post(url("archive-save", archive), sent | {"password": "another made-up one"})
    event = AuditEvent.objects.get()
    assert event.action == "archive.changed"
    assert event.detail.items() >= {"at_most": "2 -> 4", "password": "changed"}.items()
    words = json.dumps(event.detail)
    assert not [one for one in (*SECRETS.values(), "another") if one in words]


def test_saving_what_is_the_same_already_leaves_no_trace(desk):
    desk.post(url("archive-add", "dicomweb"), DICOMWEB)
    desk.post(url("archive-save", Archive.objects.get()), DICOMWEB)
    assert audited() == ["archive.added"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("host", "10.1.2.4"), ("calling_ae_title", "LBTWO"), ("move_destination", "LBTWO")),
        *(("retrieve_by", "move"), ("is_tls", True), ("scope", "studies.read")),
    ],
)
def test_a_change_of_what_may_have_failed_ends_the_rest(name, value, administrator, archive):
    Archive.objects.update(failures_in_a_row=5, rests_until=timezone.now() + timedelta(minutes=20))
    mended = {"trust_ods_code": "RM3", name: value}
    services.change_archive(archive=archive, by=administrator, **mended)
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.rests_until) == (0, None)


def test_another_address_is_to_be_tested_and_ends_the_rest(desk, archive):
    until = timezone.now() + timedelta(minutes=20)
    Archive.objects.update(failures_in_a_row=5, rests_until=until, token="", client_secret="")
    Archive.objects.update(client_key="")
    same = DICOMWEB | {"name": "rm3", "auth": "basic", "username": "lightbox"}
    desk.post(url("archive-save", archive), same | {"base_url": archive.base_url, "at_most": "3"})
    archive.refresh_from_db()
    assert (archive.at_most, archive.rests_until) == (3, until)
    desk.post(url("archive-save", archive), same | {"password": "made up again"})
    archive.refresh_from_db()
    assert (archive.failures_in_a_row, archive.rests_until) == (0, None)
    assert "test it" in desk.get(url("archive", archive)).content.decode()
