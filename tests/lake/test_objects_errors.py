"""What obstore's errors mean. The texts are its own, cut short, as servers other than MinIO provoke them."""

import pytest

from qmd_platform.errors import LakeError
from qmd_platform.lake.objects_errors import Unanswered, is_about_the_file, refusal
from qmd_platform.lake.objects_settings import ObjectsAddress

ADDRESS = ObjectsAddress("bucket", "lake/", "https://store.example.com")
AWS = ObjectsAddress("bucket", "lake/", "")


def answer(status: str, code: str = "") -> str:
    body = f"<Error><Code>{code}</Code><AWSAccessKeyId>AKIA-KEY</AWSAccessKeyId></Error>" if code else ""
    return (
        f"Error performing PUT https://h/bucket/lake/a in 1ms - Server returned non-2xx status code: {status}: {body}"
    )


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        (answer("403 Forbidden", "AccessDenied"), "access denied", "PutObject"),
        (answer("403 Forbidden"), "access denied", "PutObject"),
        (answer("400 Bad Request", "ExpiredToken"), "have expired", "AWS_SESSION_TOKEN"),
        (answer("301 Moved Permanently", "PermanentRedirect"), "another region", "AWS_REGION"),
        (answer("403 Forbidden", "RequestTimeTooSkewed"), "clock", "NTP"),
        (answer("507 Insufficient Storage", "XMinioStorageFull"), "disks are full", "make room"),
        (answer("501 Not Implemented", "NotImplemented"), "lacks a request", "If-None-Match"),
        (answer("418 I'm a teapot", "Strange"), "refused it (418 Strange)", "log"),
        (answer("404 Not Found"), "refused it (404)", "log"),
    ],
)
def test_an_answer_is_told_in_words(text: str, why: str, hint: str):
    error = refusal("write", ADDRESS, "a", text)
    assert type(error) is LakeError
    assert error.message == f"cannot write s3://bucket/lake/a: {error.message.rpartition(': ')[2]}"
    assert why in error.message
    assert hint in error.hint
    assert error.hint.endswith("; nothing was committed")
    assert "AKIA-KEY" not in str(error)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("error sending request ... ConnectError(tcp connect error, Os { kind: ConnectionRefused", "nothing listens"),
        ("ConnectError(dns error, failed to lookup address information: Name or service not known)", "no such host"),
        ("error: InvalidMessage(InvalidContentType)", "does not speak TLS"),
        ("error: InvalidCertificate(UnknownIssuer)", "certificate is not trusted"),
        ("reqwest::Error { kind: Request, source: TimedOut }", "no answer in time"),
        ("HTTP error: error sending request", "cannot be reached"),
        ("Content-Length Header missing from response", "not one of an S3 store"),
        (answer("503 Service Unavailable", "SlowDown"), "it answers 503"),
    ],
)
def test_silence_is_told_in_words_and_leaves_open_what_was_done(text: str, why: str):
    error = refusal("read", ADDRESS, "a", text)
    assert isinstance(error, Unanswered)
    assert error.message.startswith(f"cannot read s3://bucket/lake/a: {ADDRESS.endpoint}: ")
    assert why in error.message
    assert "committed" not in error.hint


def test_the_search_for_a_role_is_told_as_missing_credentials():
    text = "Error performing PUT http://169.254.169.254/latest/api/token in 5s - ConnectionRefused"
    assert "no credentials" in refusal("read", AWS, "a", text).message
    assert "no credentials" not in refusal("read", ADDRESS, "a", text).message


def test_a_missing_file_is_told_from_a_missing_bucket():
    assert is_about_the_file(answer("404 Not Found", "NoSuchKey"))
    assert is_about_the_file(answer("404 Not Found"))
    assert is_about_the_file(answer("412 Precondition Failed", "PreconditionFailed"))
    assert not is_about_the_file(answer("404 Not Found", "NoSuchBucket"))
