"""A QuestDB behind TLS with a certificate of its own: trusted where the address names who signed it, else refused."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qmd_platform.errors import ConfigError, StoreError
from qmd_platform.lake.store import Lake
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import publish
from qmd_platform.publish.opening import opened
from tests.publish.serving import QuestTarget, same
from tests.servers import QuestDB


def signed(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that has signed itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "questdb of a test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))
    return path


@pytest.fixture
def behind_tls(questdb: QuestDB, tmp_path: Path) -> Iterator[str]:
    """The session's QuestDB by way of a server that takes TLS off."""
    url = urlsplit(questdb.fresh_url())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening, context, (url.hostname, url.port)), daemon=True).start()
        yield f"https://{url.username}:{url.password}@127.0.0.1:{listening.getsockname()[1]}"


def serve(listening: socket.socket, context: ssl.SSLContext, to: tuple[str | None, int | None]) -> None:
    while True:
        try:
            plain = listening.accept()[0]
        except OSError:
            return  # the test is over
        threading.Thread(target=passing, args=(plain, context, to), daemon=True).start()


def passing(plain: socket.socket, context: ssl.SSLContext, to: tuple[str | None, int | None]) -> None:
    with (
        plain,
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as outside,
        socket.create_connection(to) as inside,
    ):
        back = threading.Thread(target=pass_on, args=(inside, outside))
        back.start()
        pass_on(outside, inside)
        back.join()


def pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.mark.questdb
def test_a_certificate_of_ones_own_is_trusted_where_the_address_names_it(
    lake: Lake, questdb: QuestDB, behind_tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # goes for neither questions nor rows
    store = opened("questdb", {}, f"{behind_tls}?tls_ca={tmp_path / 'ca.pem'}")
    publish(lake, store)
    same(lake, QuestTarget(questdb.url, questdb.postgres_url))
    assert [one.differences for one in compare(lake, store)] == [(), (), ()]
    store.close()


@pytest.mark.questdb
def test_a_certificate_of_ones_own_is_refused_where_it_is_not_named(lake: Lake, behind_tls: str):
    password = urlsplit(behind_tls).password or "?"
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        publish(lake, opened("questdb", {}, behind_tls))
    assert "certificate" in str(caught.value)
    assert "tls_ca" in str(caught.value)
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://u:s3cr@h?tls_ca=/nowhere/ca.pem", "http://u:s3cr@h?tls_ca={file}", "https://u:s3cr@h?ca=x"]
)
def test_a_file_that_is_not_there_or_not_needed_is_refused(url: str, tmp_path: Path):
    file = tmp_path / "ca.pem"
    file.touch()
    with pytest.raises(ConfigError, match="the QuestDB address") as caught:
        opened("questdb", {}, url.format(file=file))
    assert "s3cr" not in str(caught.value)
