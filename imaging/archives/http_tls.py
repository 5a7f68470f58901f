"""TLS with archives: whose certificates are believed, ours where they want one, and what is wrong.

Certificates are PEM texts of an archive's profile. A context takes 25 ms to make, so it is kept.
"""

import ssl
from collections.abc import Iterator
from functools import lru_cache
from tempfile import NamedTemporaryFile

import certifi

from imaging.archives.base import ArchiveError

# X509_V_ERR_... of OpenSSL
NOT_YET, EXPIRED, OTHER_NAME, OTHER_ADDRESS = 9, 10, 62, 64
WHY = {
    NOT_YET: "is not valid yet",
    EXPIRED: "has expired",
    OTHER_NAME: "is for another name than its address here",
    OTHER_ADDRESS: "is for another name than its address here",
}


@lru_cache(maxsize=64)
def context(
    *, ca: str = "", certificate: str = "", key: str = "", and_public: bool = False
) -> ssl.SSLContext:
    """Who is believed and who we are. Raises ArchiveError when a text is no certificate.

    With `ca` nobody else is believed, unless `and_public`: an archive's sign-in service may be
    somewhere else altogether. Without it: the machine's and the public authorities.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the archive's own one may be given as `ca`
    if ca:
        _believe(made, ca)
    if and_public or not ca:
        made.load_default_certs()
        made.load_verify_locations(certifi.where())
    if certificate or key:
        _present(made, certificate, key)
    return made


def _believe(made: ssl.SSLContext, ca: str) -> None:
    try:
        made.load_verify_locations(cadata=ca.encode("ascii", "ignore").decode())  # comments
    except (ssl.SSLError, ValueError) as error:
        text = "The certificate given here for who signs the archive's own cannot be read."
        raise ArchiveError("archive.certificate", text, may_retry=False) from error


def _present(made: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL takes them from a file only; it asks the terminal for a password unless told one."""
    with NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        try:
            made.load_cert_chain(file.name, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            text = "Our certificate for this archive and its key cannot be read or do not fit."
            raise ArchiveError("archive.our_certificate", text, may_retry=False) from error


def fault(error: BaseException, whose: str, *, is_connecting: bool) -> ArchiveError | None:
    """What TLS had against the connection; None when it was not TLS that broke it."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = WHY.get(cause.verify_code, "is not signed by anybody we trust")
            text = f"The certificate of {whose} {why}."
            return ArchiveError("archive.certificate", text, may_retry=False)
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return None
        if isinstance(cause, ssl.SSLError):
            return _alert(str(cause.reason), whose, is_connecting)
    return None


def _alert(reason: str, whose: str, is_connecting: bool) -> ArchiveError | None:
    """With TLS 1.3 our certificate is refused only after the connection has been made."""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        text = f"Our certificate was refused by {whose}, or it wants one and none is given here."
        return ArchiveError("archive.our_certificate", text, may_retry=False)
    if not is_connecting:
        return None
    text = f"No secure connection could be made with {whose}. Does it speak TLS at this address?"
    return ArchiveError("archive.tls", text, may_retry=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
