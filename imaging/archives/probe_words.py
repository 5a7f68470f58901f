"""What to do about each failure of a test: one sentence for whoever looks after the archive."""

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from imaging import models

CANNOT_REACH_US = "archive.cannot_reach_us"
ADVICE = {
    "scp.not_running": "Start it: manage.py storage_scp (see Procfile).",
    "archive.wants_tls": "Switch TLS on for this archive.",
    "archive.unreachable": "Check the spelling of the address, or ask your network team.",
    "archive.port_closed": "Check the port, and whether the archive is running.",
    "archive.no_way": "Ask your network team to open the way from this server to that address "
    "and port.",
    "archive.silent": "It accepts a connection and says nothing: the port may be another "
    "service's, or TLS is wanted (or not wanted) here.",
    "archive.address": "Correct the address.",
    "archive.bad_address": "Correct the address.",
    "archive.certificate": "Paste the certificate of who signs the archive's own (PEM), or have "
    "the archive's renewed for the name used here.",
    "archive.our_certificate": "Check our certificate and its key, and that the archive trusts "
    "who signed it.",
    "archive.tls": "Check whether this port speaks TLS, and in version 1.2 or later.",
    "archive.token_refused": "Check the client id, its secret and the scope.",
    "archive.token_unreachable": "Check the token address.",
    "archive.moved": "Use the address it points to, if it is the archive's own.",
    "archive.bad_request": "Check the DICOMweb root: it often ends in /dicom-web or /rs.",
    "archive.not_understood": "Check the DICOMweb root: something else may answer there.",
    "archive.ignores_filters": "Ask the archive's administrator to allow matching by Patient ID "
    "for us.",
    "archive.too_many": "Ask the archive's administrator to allow matching by Patient ID for us.",
    "archive.no_test_patient": (
        "Check the number: it must be the Patient ID there, which is not always the NHS number. "
        "Then check that the archive lets us see this patient."
    ),
    "archive.lists_nothing": "Ask the archive's administrator whether we may search at image "
    "level.",
    "archive.not_there": "Ask the archive's administrator whether the study was moved or is on "
    "slow storage.",
    "archive.forbidden": "Ask the archive's administrator what our account may see.",
    "archive.cut_short": "Try again; if it stays, something between closes connections early.",
}


def advice_on(code: str, profile: "models.Archive") -> str:
    """Empty where the words of the failure say it all."""
    if profile.kind == profile.Kind.DIMSE and code in ("archive.refused", "archive.not_offered"):
        return (
            f"Ask the archive's administrator to add our AE title {profile.calling_ae_title} with "
            f"the address of this server, for C-ECHO, C-FIND and C-GET or C-MOVE; and check that "
            f"the archive is called {profile.called_ae_title}."
        )
    if code == "archive.refused":
        return "Check the user name and password or the token, and what they are allowed to see."
    if profile.kind == profile.Kind.DIMSE and code in ("archive.sent_nothing", CANNOT_REACH_US):
        return _on_nothing_sent(profile)
    return ADVICE.get(code, "")


def _on_nothing_sent(profile: "models.Archive") -> str:
    if profile.retrieve_by == profile.RetrieveBy.GET:
        return "Choose C-MOVE if the archive does not offer C-GET for this kind of image."
    title = profile.move_destination or settings.SCP_AE_TITLE
    return (
        f"Ask the archive's administrator to add our AE title {title} "
        f"with the address of this server and port {settings.SCP_PORT}, and your network team to "
        "let the archive reach it."
    )
