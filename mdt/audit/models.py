from django.db import models
from django.utils import timezone

from mdt.append_only import AppendOnly


class AuditEvent(AppendOnly):
    """What was done, by whom, to what; in plain text, so that no other row can change it."""

    class Action(models.TextChoices):
        ARCHIVE_ADDED = "archive.added"
        ARCHIVE_ASKED_AGAIN = "archive.asked-again"
        ARCHIVE_CHANGED = "archive.changed"
        ARCHIVE_PAUSED = "archive.paused"
        ARCHIVE_RESUMED = "archive.resumed"
        ARCHIVE_TESTED = "archive.tested"
        ATTENDANCE_TICKED = "attendance.ticked"
        ATTENDANCE_UNTICKED = "attendance.unticked"
        CASE_LISTED = "case.listed"
        CASE_MOVED = "case.moved"
        CASE_OPENED = "case.opened"
        CASE_REMOVED = "case.removed"
        CASE_RESTRICTED = "case.restricted"
        CASE_UNRESTRICTED = "case.unrestricted"
        CASE_VIEWED = "case.viewed"
        CHECKED_IN = "check-in.done"
        CHECKED_OUT = "check-in.ended"
        CHECK_IN_CODE_SHOWN = "check-in.code-shown"
        CHECK_IN_REFUSED = "check-in.refused"
        IDENTITY_DECIDED = "identity.decided"
        IDENTITY_VIEWED = "identity.viewed"
        IMAGES_ASKED = "images.asked"
        IMAGES_UPLOADED = "images.uploaded"
        LIST_VIEWED = "list.viewed"
        MARK_CHANGED = "mark.changed"
        MARK_CREATED = "mark.created"
        MARK_REMOVED = "mark.removed"
        MEETING_CLOSED = "meeting.closed"
        MEETING_OPENED = "meeting.opened"
        MEETING_PLANNED = "meeting.planned"
        MEMBERSHIP_SET = "membership.set"
        OBJECTION_RECORDED = "objection.recorded"
        OUTCOME_CONFIRMED = "outcome.confirmed"
        OUTCOME_READ_BACK = "outcome.read-back"
        OUTCOME_RECORDED = "outcome.recorded"
        OUTCOME_SIGNED = "outcome.signed"
        PATIENT_CORRECTED = "patient.corrected"
        PATIENT_LOOKED_UP = "patient.looked-up"
        PATIENT_REGISTERED = "patient.registered"
        PEOPLE_NAMED = "referral.people-named"
        PRESENTER_CHANGED = "presenter.changed"
        REFERRED = "referral.received"
        REPORT_KEPT = "report.kept"
        REPORT_OPENED = "report.document-opened"
        REPORTS_VIEWED = "reports.viewed"
        SEARCHED_AGAIN = "archives.searched-again"
        SIGNED_IN = "session.signed-in"
        SIGNED_OUT = "session.signed-out"
        SIGN_IN_REFUSED = "session.refused"
        STUDY_CANCELLED = "study.cancelled"
        STUDY_CHOSEN = "study.chosen"
        STUDY_RETRIED = "study.retried"
        STUDY_UNCHOSEN = "study.unchosen"
        TEAM_SET_UP = "team.set-up"
        VIEW_DISPLAYED = "view.displayed"
        VIEW_GRANTED = "view.granted"

    at = models.DateTimeField(default=timezone.now)
    by = models.TextField(blank=True, help_text="public id of a person; empty: not signed in")
    action = models.TextField(choices=Action.choices)
    target = models.TextField(
        blank=True, help_text="label and public id: 'mdt.ListedCase:k3Xw...'; empty: nothing known"
    )
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # what counts refusals looks back ten minutes, in a table that only grows
            models.Index(name="audit_by_action_and_time", fields=["action", "at"]),
            # whether a picture or a case is on record already
            models.Index(name="audit_by_target_and_action", fields=["target", "action"]),
        ]
