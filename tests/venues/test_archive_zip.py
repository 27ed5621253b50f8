"""A zip is unpacked whole and proven, or not at all."""

import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ArchiveDamaged
from qmd_platform.venues.archive_zip import digest_of, stated_digest, unzipped

NAME = "BTCUSDT-1m-2026-10.zip"
MEMBER = "BTCUSDT-1m-2026-10.csv"
CONTENT = b"".join(b"%d,some,row\n" % number for number in range(2000))
DIGEST = hashlib.sha256(b"x").hexdigest()


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return body.getvalue()


GOOD = packed((MEMBER, CONTENT))


@pytest.mark.parametrize(
    "text",
    [
        f"{DIGEST}  {NAME}\n",
        f"{DIGEST}  {NAME}",
        f"{DIGEST} *{NAME}\r\n",
        f"{DIGEST.upper()}  {NAME}\n",
        f"\ufeff{DIGEST}  {NAME}\n",
    ],
)
def test_a_checksum_file_is_read_as_sha256sum_writes_it(text: str):
    assert stated_digest("binance", NAME, text.encode()) == DIGEST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not one"),
        (DIGEST, "is not one"),
        (f"{DIGEST[:-1]}  {NAME}", "is not one"),
        (f"{DIGEST}  {NAME}\n{DIGEST}  {NAME}\n", "is not one"),
        ("<html>", "is not one"),
        (f"{DIGEST}  ETHUSDT-1m-2026-10.zip", "is that of ETHUSDT-1m-2026-10.zip"),
    ],
)
def test_what_is_not_this_files_checksum_is_refused(text: str, words: str):
    with pytest.raises(ArchiveDamaged, match=words):
        stated_digest("binance", NAME, text.encode())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_the_one_file_inside_is_given_whole(method: int):
    body = packed((MEMBER, CONTENT), method=method)
    assert unzipped("binance", body, MEMBER, len(CONTENT)) == CONTENT
    assert digest_of(body) == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "broken"),
        (b"<html>", "broken"),
        (GOOD[: len(GOOD) // 2], "broken"),
        (GOOD[:-1], "broken"),
        (GOOD[1000:], "broken"),
        (packed(), "holds nothing"),
        (packed(("ETHUSDT-1m-2026-10.csv", CONTENT)), "holds ETHUSDT-1m-2026-10.csv where"),
        (packed((MEMBER, CONTENT), ("second.csv", b"")), "second.csv"),
        (packed((f"../{MEMBER}", CONTENT)), "holds ../"),
        (packed((MEMBER, bytes(1 << 22))), "more than"),
    ],
)
def test_what_is_not_a_zip_of_this_one_file_is_refused(body: bytes, words: str):
    with pytest.raises(ArchiveDamaged, match=words):
        unzipped("binance", body, MEMBER, 1 << 20)


def test_a_zip_that_lies_about_its_size_is_not_unpacked_beyond_what_it_says():
    bomb = packed((MEMBER, bytes(1 << 22)))
    lying = bomb.replace((1 << 22).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != bomb
    with pytest.raises(ArchiveDamaged, match="broken"):
        unzipped("binance", lying, MEMBER, 1 << 20)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_changed_byte_changes_what_comes_out(position: int, change: int):
    body = bytearray(GOOD)
    body[position] ^= change
    try:
        content = unzipped("binance", bytes(body), MEMBER, 1 << 20)
    except ArchiveDamaged:
        return
    assert content == CONTENT  # a byte that says nothing of the content, such as a time


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_no_bytes_whatever_raise_anything_else(junk: bytes, at: int):
    for body in (junk, GOOD[:at] + junk, junk + GOOD[at:]):
        try:
            assert unzipped("binance", body, MEMBER, 1 << 20) == CONTENT
        except ArchiveDamaged:
            continue
