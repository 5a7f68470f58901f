from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from mdt.reports.models import Kind, ReportSource
from mdt.reports.sources import new_token
from mdt.teams.models import Trust


class Command(BaseCommand):
    help = "Let a system send reports: by HL7 from an address, or by FHIR with a token shown once"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="a short name: letters, digits and hyphens")
        parser.add_argument("--way", choices=ReportSource.Way.values, required=True)
        parser.add_argument("--trust", required=True, help="ODS code of the trust it sends for")
        parser.add_argument(
            "--kind", choices=Kind.values, default="", help="of what is not of HL7 table 0074"
        )
        parser.add_argument("--address", help="HL7: the IP address it calls from")
        parser.add_argument("--application", default="", help="HL7: what it writes in MSH-3")
        parser.add_argument("--facility", default="", help="HL7: what it writes in MSH-4")
        parser.add_argument("--issuer", default="", help="its name for the trust's own numbers")
        parser.add_argument("--prefix", default="", help="what it writes before those numbers")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Trust.objects.filter(ods_code=options["trust"]).exists():
            raise CommandError("There is no trust with this ODS code")
        token, hashed = new_token() if options["way"] == ReportSource.Way.FHIR else ("", "")
        source = ReportSource(
            name=options["name"],
            way=options["way"],
            trust_ods_code=options["trust"],
            kind=options["kind"],
            address=options["address"],
            sending_application=options["application"],
            sending_facility=options["facility"],
            issuer_of_patient_id=options["issuer"],
            patient_id_prefix=options["prefix"],
            token_sha256=hashed,
        )
        try:
            source.full_clean(exclude=["address"] if token else None)
            source.save()
        except (ValidationError, IntegrityError) as error:
            raise CommandError(f"This source cannot be: {error}") from error
        self.stdout.write(f"{source.name} may send for {source.trust_ods_code}")
        if token:
            self.stdout.write(f"Its token, which is not shown again: {token}")
