from django import forms


class MoveForm(forms.Form):
    """Where a case is to go, and where its mover saw it; both from 1."""

    to = forms.IntegerField(min_value=0, max_value=1000)
    if_position = forms.IntegerField(min_value=0, max_value=1000)


class ReasonForm(forms.Form):
    """Why a study is chosen or left out by hand; it may be left empty."""

    reason = forms.CharField(max_length=200, required=False)
