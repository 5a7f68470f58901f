from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from imaging.ids import PublicIdField


class Role(models.TextChoices):
    """What a membership lets a person do. What they know is their specialty."""

    CHAIR = "chair", "Chair"
    DEPUTY = "deputy", "Deputy chair"
    COORDINATOR = "coordinator", "MDT coordinator"
    CORE = "core", "Core member"
    EXTENDED = "extended", "Extended member"
    OBSERVER = "observer", "Observer"


class Person(AbstractUser):
    """Somebody who can sign in. What they may do is in their memberships, never here."""

    public_id = PublicIdField()
    title = models.CharField(max_length=20, blank=True)
    issuer = models.TextField(blank=True, help_text="who vouches for them, when not we")
    subject = models.TextField(blank=True, help_text="their id at the issuer")
    home_trust_ods_code = models.CharField("ODS code of the home trust", max_length=5, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_person_per_issuer_and_subject",
                fields=["issuer", "subject"],
                condition=~Q(subject=""),
            )
        ]

    @property
    def shown_name(self) -> str:
        """As others see it: 'Dr Ruth Osei'; the user name when there is no other."""
        return " ".join(filter(None, [self.title, self.get_full_name()])) or self.username
