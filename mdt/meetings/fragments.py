"""Pieces of pages that are polled: rendered once, answered with 304 while they are the same."""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe


def fragment(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A piece of a page with its ETag. It is kept by no cache: the page sends the tag itself."""
    content, etag = rendered(request, template, context)
    if request.method == "GET" and request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    return HttpResponse(content, headers={"ETag": etag})


def rendered(request: HttpRequest, template: str, context: dict[str, Any]) -> tuple[str, str]:
    """The text, and a tag that differs when the text does."""
    content = render_to_string(template, context, request)
    return mark_safe(content), f'"{sha256(content.encode()).hexdigest()[:32]}"'  # noqa: S308
