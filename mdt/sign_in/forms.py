from django import forms


class SignInForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        error_messages={"required": "Type your user name."},
        widget=forms.TextInput(
            attrs={"class": "nhsuk-input", "autocomplete": "username", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        error_messages={"required": "Type your password."},
        widget=forms.PasswordInput(
            attrs={"class": "nhsuk-input", "autocomplete": "current-password"}
        ),
    )
