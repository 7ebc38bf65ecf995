"""The outlets against real servers on loopback: an on-call system over HTTP, and mail servers with and without TLS."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.alerts.outlets import MailOutlet, NotTaken, WebhookOutlet, build_outlets
from bot.alerts.receiver import Receiver
from bot.alerts.settings import AlertSettings, MailServer

from .conftest import SECRET, MakeDesk, rounds
from .test_message import NOTICE

# --- webhook ----------------------------------------------------------------------------------------------------


async def _refused(outlet: Any) -> NotTaken:
    with pytest.raises(NotTaken) as failure:
        await outlet.send(NOTICE)
    await outlet.close()
    return failure.value


async def test_a_signed_notification_is_taken(oncall: Receiver) -> None:
    outlet = WebhookOutlet(oncall.url, SECRET)
    await outlet.send(NOTICE)
    await outlet.send(NOTICE)
    await outlet.close()
    assert [delivery.key for delivery in oncall.deliveries] == ["alert_0123"] * 2
    assert oncall.deliveries[0].body == NOTICE.body()


async def test_a_wrong_secret_is_not_taken(oncall: Receiver) -> None:
    other = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    assert (await _refused(WebhookOutlet(oncall.url, other))).code == "status 401"


async def test_what_its_sender_died_in_the_middle_of_has_not_arrived(oncall: Receiver) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", oncall.port)
    writer.write(b"POST /hooks/sparc HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert (oncall.requests, oncall.badly_signed) == (0, 0)


@pytest.mark.parametrize(("retry_after", "asked"), [(None, None), (17, 17.0)])
async def test_a_refusal_and_what_it_asks_for(oncall: Receiver, retry_after: int | None, asked: float | None) -> None:
    oncall.mode, oncall.retry_after = "refuse", retry_after
    failure = await _refused(WebhookOutlet(oncall.url, SECRET))
    assert (failure.code, failure.asked) == ("status 503", asked)


async def test_one_that_hangs_up_or_does_not_listen(oncall: Receiver) -> None:
    oncall.mode = "mute"
    assert (await _refused(WebhookOutlet(oncall.url, SECRET))).code == "ServerDisconnectedError"
    oncall.stop()
    assert (await _refused(WebhookOutlet(oncall.url, SECRET))).code == "ClientConnectorError"


async def test_one_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import ClientTimeout

    monkeypatch.setattr("bot.alerts.outlets._WEBHOOK_TIMEOUT", ClientTimeout(total=0.3))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outlet = WebhookOutlet(f"http://127.0.0.1:{silent.getsockname()[1]}/", SECRET)
        assert (await _refused(outlet)).code == "timeout"


async def test_a_redirect_is_not_followed() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await _refused(WebhookOutlet(f"http://127.0.0.1:{port}/", SECRET))).code == "status 307"


# --- mail -------------------------------------------------------------------------------------------------------


class Mailbox:
    """Keeps the mail that arrives; `answer` is what the server says to it."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 OK"
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.encrypted.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return self.answer


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and the server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    both = folder / "server.pem"
    both.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    public = folder / "ca.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return public, context


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def post_office(
    mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MailServer]]:
    """Starts a mail server of one kind; its certificate is trusted unless that is asked for."""
    started: list[Controller] = []
    authority, context = _certificate(tmp_path)

    def allow(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bot", b"pa@ss")
        return AuthResult(success=good, handled=False)

    def start(security: str, password: str | None = None, trusted: bool = True, **options: Any) -> MailServer:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if security == "tls":
            options |= {"ssl_context": context}
        if password is not None:
            options |= {"authenticator": allow, "auth_required": True, "auth_require_tls": security == "starttls"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        started.append(controller)
        user = None if password is None else "bot"
        return MailServer("127.0.0.1", port, security, "sparc@hospital.example", user, password)  # type: ignore[arg-type]

    yield start
    for controller in started:
        controller.stop()


@pytest.mark.parametrize("security", ["starttls", "tls", "plain"])
async def test_a_mail_is_handed_over(post_office: Callable[..., MailServer], mailbox: Mailbox, security: str) -> None:
    outlet = MailOutlet(post_office(security), "oncall@hospital.example")
    await outlet.send(NOTICE)
    await outlet.send(NOTICE)
    await outlet.close()
    assert {mail["Message-ID"] for mail in mailbox.mails} == {"<alert_0123@hospital.example>"}
    assert mailbox.encrypted == [security != "plain"] * 2
    assert "ack T-12" in mailbox.mails[0].get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not see that TLS came first
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_with_a_password(post_office: Callable[..., MailServer], mailbox: Mailbox, security: str) -> None:
    await MailOutlet(post_office(security, "pa@ss"), "o@h.org").send(NOTICE)
    assert len(mailbox.mails) == 1
    assert (await _refused(MailOutlet(post_office(security, "wrong"), "o@h.org"))).code == "SMTP 535"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    post_office: Callable[..., MailServer], mailbox: Mailbox, security: str
) -> None:
    failure = await _refused(MailOutlet(post_office(security, trusted=False), "o@h.org"))
    assert "SMTP" in failure.code or "SSL" in failure.code
    assert mailbox.mails == []


async def test_a_server_without_encryption_gets_nothing(
    post_office: Callable[..., MailServer], mailbox: Mailbox
) -> None:
    plain = post_office("plain")
    server = MailServer(plain.host, plain.port, "starttls", plain.sender)
    await _refused(MailOutlet(server, "o@h.org"))
    assert mailbox.mails == []


@pytest.mark.parametrize("answer", ["451 4.3.0 later, oncall@hospital.example", "554 5.7.1 never"])
async def test_a_refusal_is_told_without_the_servers_words(
    post_office: Callable[..., MailServer], mailbox: Mailbox, answer: str
) -> None:
    mailbox.answer = answer
    assert (await _refused(MailOutlet(post_office("plain"), "o@h.org"))).code == f"SMTP {answer[:3]}"


async def test_a_mail_server_that_does_not_listen() -> None:
    server = MailServer("127.0.0.1", 9, "plain", "s@h.org")
    assert (await _refused(MailOutlet(server, "o@h.org"))).code == "SMTPConnectError"


# --- both -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_step_of_webhook_and_mail_from_the_database_on(
    desk: MakeDesk, oncall: Receiver, post_office: Callable[..., MailServer], mailbox: Mailbox
) -> None:
    server = post_office("plain")
    team = desk(
        f"{oncall.url}, oncall@hospital.example",
        SPARC_SMTP_URL=f"smtp+plain://127.0.0.1:{server.port}",
        SPARC_SMTP_FROM="sparc@hospital.example",
    )
    number = await team.open()
    await rounds(team.dispatcher(), 2)
    (delivery,), (mail,) = oncall.deliveries, mailbox.mails
    assert delivery.ticket == number
    assert number in mail["Subject"]
    assert delivery.key not in mail["Message-ID"]  # each outlet's notification has a key of its own


def test_every_outlet_of_the_line_is_there() -> None:
    settings = AlertSettings.from_environment(
        {"SPARC_ALERT_LINE": "https://a.example;o@h.org", "SPARC_ALERT_SECRET": SECRET, "SPARC_SMTP_URL": "smtps://m.example",
         "SPARC_SMTP_FROM": "s@h.org"}, demo=False,
    )  # fmt: skip
    assert [type(outlet) for outlet in build_outlets(settings).values()] == [WebhookOutlet, MailOutlet]
