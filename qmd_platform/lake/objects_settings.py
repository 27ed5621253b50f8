"""Where an object store is: ``s3://bucket/prefix`` and the environment, read and checked.

What lives here: the refusals of an address that cannot work. What does not: talking to the store (``lake.objects``);
obstore itself reads the same variables.

| setting | means |
|---|---|
| ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` | who asks; on AWS a role of the machine or the container does too |
| ``AWS_SESSION_TOKEN`` | with temporary keys |
| ``AWS_REGION`` | default ``us-east-1`` |
| ``AWS_ENDPOINT_URL`` | a store that is not AWS; one that begins with ``http://`` is talked to unencrypted |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from qmd_platform.errors import ConfigError

EXAMPLE = "s3://my-bucket/lake"

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_OTHER_WAYS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)


@dataclass(frozen=True, slots=True)
class ObjectsAddress:
    """A bucket, a prefix ("" or ending in ``/``), and the server ("" for AWS)."""

    bucket: str
    prefix: str
    endpoint: str

    @classmethod
    def parse(cls, url: str, environ: Mapping[str, str]) -> "ObjectsAddress":
        """The address written ``url``, with the settings in ``environ``.

        Raises:
            ConfigError: the address, the endpoint or the credentials cannot be used. The message shows none of them.
        """
        parts = urlsplit(url.strip())
        if parts.scheme != "s3" or parts.query or parts.fragment:
            raise ConfigError("the address of the object store is not s3://bucket/prefix", hint=f"write {EXAMPLE}")
        if "@" in parts.netloc:
            hint = f"write {EXAMPLE} and set {' and '.join(_KEYS)}"
            raise ConfigError("the address of the object store has credentials in it", hint=hint)
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
            hint = f"lower-case letters, digits, . and -, at least 3 characters; {EXAMPLE}"
            raise ConfigError(f"{parts.netloc!r} cannot be the name of a bucket", hint=hint)
        folders = [part for part in parts.path.split("/") if part]
        if {".", ".."} & set(folders):
            raise ConfigError(f"the prefix {parts.path!r} has a . or .. in it", hint=f"write {EXAMPLE}")
        endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")
        _check_endpoint(endpoint)
        _check_keys(endpoint, environ)
        return cls(parts.netloc, "".join(f"{part}/" for part in folders), endpoint)

    @property
    def is_plain_http(self) -> bool:
        """Whether the server is talked to unencrypted, as its address asks for."""
        return self.endpoint.startswith("http://")

    @property
    def server(self) -> str:
        """The server as a person finds it."""
        return self.endpoint or "AWS S3"

    def at(self, folder: str) -> "ObjectsAddress":
        """The same bucket, ``folder`` below the prefix."""
        return replace(self, prefix=f"{self.prefix}{folder}/")

    def where(self, path: str) -> str:
        """``path`` as a person finds it."""
        return f"s3://{self.bucket}/{self.prefix}{path}"


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    hint = "write https://minio.example.com:9000, or http:// for a server without TLS"
    parts = urlsplit(endpoint)
    if "@" in parts.netloc:
        raise ConfigError("AWS_ENDPOINT_URL has credentials in it", hint=f"{hint}; set {' and '.join(_KEYS)}")
    if not re.fullmatch(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?(/[!-~]*)?", endpoint) or _port(endpoint) == 0:
        raise ConfigError(f"AWS_ENDPOINT_URL {endpoint!r} is not the address of a server", hint=hint)


def _port(endpoint: str) -> int | None:
    try:
        return urlsplit(endpoint).port
    except ValueError:  # above 65535
        return 0


def _check_keys(endpoint: str, environ: Mapping[str, str]) -> None:
    """Without keys the client would look for a role of this machine, which only AWS gives, and wait for it in vain."""
    for name in (*_KEYS, "AWS_SESSION_TOKEN", "AWS_REGION"):
        if not re.fullmatch(r"[!-~]*", environ.get(name, "")):
            hint = "copy it again, without spaces and line ends"
            raise ConfigError(f"{name} has a character in it that cannot be sent", hint=hint)
    missing = [name for name in _KEYS if not environ.get(name)]
    if len(missing) == 1 or (missing and endpoint and not any(environ.get(name) for name in _OTHER_WAYS)):
        hint = "the environment only; profiles in ~/.aws are not read"
        raise ConfigError(f"{' and '.join(missing)} not set: the object store needs credentials", hint=hint)
