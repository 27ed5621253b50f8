"""What a failure of an object store means, and what to do about it.

What lives here: from the text of obstore's errors (it has no codes) to a LakeError. What does not: trying again
(``lake.objects``).

obstore's texts hold addresses, signatures and key ids. Nothing of them is shown but the server's own error code.
"""

import re
from http import HTTPStatus

from qmd_platform.errors import LakeError
from qmd_platform.lake.objects_settings import ObjectsAddress

_ABOUT_THE_FILE = frozenset({"", "NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict"})

_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN"
_REGION = "set AWS_REGION to the bucket's region"

_SAID = {
    "InvalidAccessKeyId": ("the server does not know the access key", _KEYS),
    "SignatureDoesNotMatch": ("the secret key does not fit the access key", _KEYS),
    "ExpiredToken": ("the credentials have expired", _KEYS),
    "InvalidToken": ("the server does not take the session token", _KEYS),
    "AccessDenied": ("access denied", "the key needs GetObject, PutObject, DeleteObject and ListBucket for this place"),
    "NoSuchBucket": ("there is no such bucket", "make the bucket first, or correct the address"),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "RequestTimeTooSkewed": ("this machine's clock differs from the server's", "set the clock (NTP)"),
    "XMinioStorageFull": ("the server's disks are full", "make room on the server"),
    "InsufficientStorage": ("the server's disks are full", "make room on the server"),
    "NotImplemented": ("the server lacks a request that the lake needs", "use a store with If-None-Match on PUT"),
}
"""By the server's error code: what is wrong, what to do."""

_NO_ROLE = ("no credentials: this machine has no role", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")

_METADATA = r"/latest/(api/token|meta-data)"

_ENDPOINT = "is the server up, and AWS_ENDPOINT_URL right?"

_UNREACHABLE = (
    ("ConnectionRefused|Connection refused", "nothing listens there", _ENDPOINT),
    ("dns error|failed to lookup", "no such host", _ENDPOINT),
    ("Certificate", "its TLS certificate is not trusted", "name the authority's certificate in SSL_CERT_FILE"),
    (
        "InvalidContentType|InvalidMessage",
        "it does not speak TLS",
        "write AWS_ENDPOINT_URL with http:// if that is meant",
    ),
    ("TimedOut|Timeout|timed out", "no answer in time", _ENDPOINT),
    ("error sending request|HTTP error", "it cannot be reached", _ENDPOINT),
    ("", "its answer is not one of an S3 store", _ENDPOINT),
)
"""By what is in the text, the first that fits: why there is no answer, what to do."""


class Unanswered(LakeError):
    """The server did not answer, or could not: whether it did what it was asked is not known."""


def is_about_the_file(text: str) -> bool:
    """Whether a refusal says something of one file, and the store itself is well."""
    return _code(text) in _ABOUT_THE_FILE


def refusal(verb: str, address: ObjectsAddress, path: str, text: str) -> LakeError:
    """The error for ``text``: what could not be done, why, and what to do."""
    said = _of_an_answer(text)
    kind, (why, hint) = (LakeError, said) if said else (Unanswered, _of_silence(address, text))
    nothing = "; nothing was committed" if verb == "write" else ""
    return kind(f"cannot {verb} {address.where(path)}: {why}", hint=hint + nothing)


def _of_an_answer(text: str) -> tuple[str, str] | None:
    """What is wrong and what to do, if the server said so."""
    code, status = _code(text), _status(text)
    if code in _SAID:
        return _SAID[code]
    if status == HTTPStatus.FORBIDDEN:  # an answer to HEAD has no code
        return _SAID["AccessDenied"]
    if not status or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    return f"the server refused it ({status} {code}".rstrip() + ")", "look at the server's own log"


def _of_silence(address: ObjectsAddress, text: str) -> tuple[str, str]:
    if not address.endpoint and re.search(_METADATA, text):
        return _NO_ROLE
    if status := _status(text):
        return f"{address.server}: it answers {status}", "look at the server's own log"
    why, hint = next((why, hint) for marker, why, hint in _UNREACHABLE if re.search(marker, text))
    return f"{address.server}: {why}", hint


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w+)</Code>", text)
    return found.group(1) if found else ""


def _status(text: str) -> int:
    found = re.search(r"status code: (\d{3})", text)
    return int(found.group(1)) if found else 0
