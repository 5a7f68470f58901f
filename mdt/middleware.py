"""What surrounds every answer: the browser's rules, and refusals in words where a person looks."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mdt.errors import MdtError

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; img-src 'self' data: blob:; media-src 'self'; font-src 'self'; "
    "style-src 'self'; form-action 'self'; frame-src 'none'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with "no-referrer" forms come from Origin: null
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
GetResponse = Callable[[HttpRequest], HttpResponse]


def security_headers(get_response: GetResponse) -> GetResponse:
    """Goes above whitenoise: a worker obeys the policy of its own script's response (D31).

    Whatever is not a static file is about people: it is not to be kept by any cache.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)  # a page may have a stricter policy of its own
        if request.is_secure():
            response["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware


class Refusals:
    """Turns an MdtError that a page raised into its sentence and code.

    A fragment's goes where the page keeps its refusals (#refusal), so that nothing typed is lost;
    anything else is a page of its own. The JSON API has a handler of its own (mdt.api).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        if not isinstance(exc, MdtError):
            return None
        context = {"code": exc.code, "message": exc.message}
        if not request.headers.get("HX-Request"):
            return render(request, "refused.html", context, status=exc.status)
        response = render(request, "components/refusal.html", context, status=exc.status)
        response["HX-Retarget"], response["HX-Reswap"] = "#refusal", "innerHTML"
        return response
