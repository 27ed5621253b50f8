"""The address and the settings of an object store: what is refused before anything is sent, and what is said then."""

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.lake.objects_settings import ObjectsAddress

KEYS = {"AWS_ACCESS_KEY_ID": "some-key-id", "AWS_SECRET_ACCESS_KEY": "some-secret"}
MINIO = KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}


def refused(url: str, environ: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as refusal:
        ObjectsAddress.parse(url, environ)
    assert refusal.value.hint
    assert "some-secret" not in str(refusal.value)
    return refusal.value


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://my-bucket", "my-bucket", ""),
        ("s3://my-bucket/", "my-bucket", ""),
        ("s3://my-bucket/lake", "my-bucket", "lake/"),
        (" s3://my.bucket/a//b/ ", "my.bucket", "a/b/"),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(url: str, bucket: str, prefix: str):
    address = ObjectsAddress.parse(url, KEYS)
    assert (address.bucket, address.prefix, address.server) == (bucket, prefix, "AWS S3")
    assert address.at("data").where("x") == f"s3://{bucket}/{prefix}data/x"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "not s3://bucket/prefix"),
        ("/var/lake", "not s3://bucket/prefix"),
        ("https://minio/bucket", "not s3://bucket/prefix"),
        ("s3://bucket/lake?region=x", "not s3://bucket/prefix"),
        ("s3://", "name of a bucket"),
        ("s3://MyBucket/lake", "name of a bucket"),
        ("s3://key:some-secret@bucket/lake", "credentials"),
        ("s3://bucket/../lake", "has a . or .."),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, said: str):
    assert said in refused(url, KEYS).message


def test_plain_http_is_what_the_endpoint_says():
    assert ObjectsAddress.parse("s3://bucket", MINIO).is_plain_http
    assert not ObjectsAddress.parse("s3://bucket", MINIO | {"AWS_ENDPOINT_URL": "https://127.0.0.1"}).is_plain_http
    assert not ObjectsAddress.parse("s3://bucket", KEYS | {"AWS_ALLOW_HTTP": "true"}).is_plain_http


def test_the_endpoint_for_s3_goes_before_the_one_for_all_services():
    environ = MINIO | {"AWS_ENDPOINT_URL_S3": "http://[::1]:9001/path"}
    assert ObjectsAddress.parse("s3://bucket", environ).server == "http://[::1]:9001/path"


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:9000", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://a b", "http://h?x=1"],
)
def test_an_endpoint_that_is_no_server_is_refused(endpoint: str):
    assert endpoint in refused("s3://bucket", KEYS | {"AWS_ENDPOINT_URL": endpoint}).message


def test_an_endpoint_with_a_password_is_refused_and_not_shown():
    refusal = refused("s3://bucket", KEYS | {"AWS_ENDPOINT_URL": "http://me:some-secret@host"})
    assert "credentials" in refusal.message


def test_half_of_the_credentials_is_refused():
    for name in KEYS:
        refusal = refused("s3://bucket", {other: value for other, value in KEYS.items() if other != name})
        assert f"{name} not set" in refusal.message
        assert "profiles" in refusal.hint


def test_no_credentials_are_refused_unless_a_role_may_give_them():
    server = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY not set" in refused("s3://bucket", server).message
    ObjectsAddress.parse("s3://bucket", {})
    ObjectsAddress.parse("s3://bucket", server | {"AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token"})


@pytest.mark.parametrize("name", [*KEYS, "AWS_SESSION_TOKEN", "AWS_REGION"])
def test_a_setting_with_a_line_end_is_refused(name: str):
    assert name in refused("s3://bucket", KEYS | {name: "some-secret\n"}).message
