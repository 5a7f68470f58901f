from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mdt.reports import sources
from mdt.reports.kinds import NOT_KEPT
from mdt.reports.models import Kind, ReportSource


class Command(BaseCommand):
    help = (
        "The systems that may send reports: list, stop, start, renew a token, change what is kept"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        told = parser.add_subparsers(dest="do", required=True)
        told.add_parser("list", help="each with what it sends and what of it is not kept")
        acts = {
            "stop": "it is not heard any more",
            "start": "it is heard again",
            "renew": "FHIR: another token, shown once; the one before is worth nothing",
            "prefix": "what it writes before the trust's own patient numbers",
            "section": "what one of its own section codes (OBR-24, category) means",
        }
        for act, words in acts.items():
            told.add_parser(act, help=words).add_argument("name")
        told.choices["prefix"].add_argument("prefix", help="'' for none")
        told.choices["section"].add_argument("code")
        told.choices["section"].add_argument("kind", choices=[*Kind.values, NOT_KEPT, ""])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["do"] == "list":
            for each in ReportSource.objects.prefetch_related("not_kept"):
                self._tell(each)
            return
        source = ReportSource.objects.filter(name=options["name"]).first()
        if source is None:
            raise CommandError("There is no source of this name")
        try:
            self._act(source, **options)
        except (ValueError, ValidationError) as error:
            raise CommandError(f"This cannot be: {error}") from error

    def _act(self, source: ReportSource, do: str, **options: Any) -> None:
        if do == "renew":
            token = sources.renew_token(source=source)
            self.stdout.write(f"Its token, which is not shown again: {token}")
            return
        if do == "prefix":
            sources.set_prefix(source=source, prefix=options["prefix"])
        elif do == "section":
            sources.set_section(source=source, code=options["code"], kind=options["kind"])
        else:
            sources.set_active(source=source, is_active=do == "start")
        self._tell(source)

    def _tell(self, source: ReportSource) -> None:
        state = "may send" if source.is_active else "STOPPED"
        facts = [source.name, state, source.trust_ods_code, source.way, *_known_by(source)]
        self.stdout.write("  ".join(facts))
        for one in source.not_kept.all():
            last = f"{one.last_at:%Y-%m-%d}"
            self.stdout.write(f"  not kept: section {one.code}, {one.times} times, last {last}")


def _known_by(source: ReportSource) -> list[str]:
    """What else was set of it. Of a token nothing is told."""
    facts = {
        "address": source.address,
        "application": source.sending_application,
        "facility": source.sending_facility,
        "kind": source.kind,
        "issuer": source.issuer_of_patient_id,
        "prefix": source.patient_id_prefix,
        "sections": ",".join(f"{code}={kind}" for code, kind in sorted(source.sections.items())),
    }
    return [f"{name}={value}" for name, value in facts.items() if value]
