"""The contract of who takes e-mail: a letter is taken, or the caller hears that it was not."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from comity.adapters.mail import SmtpMail
from comity.adapters.memory.feeds import MemoryMail
from comity.ports import MailDownError, MailLetter, MailServer

LETTER = MailLetter(
    sender="comity@il.example",
    to=("one@il.example", "two@il.example"),
    subject="Illinois: 2 queries by federal agencies",
    text="Ñandú\n.\nA line that begins with a dot.\n",
    name="comity-digest-il-1-9-2026-11-27",
)


class Smtp:
    """A mail server of this machine that says what it is told to say."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.data = b""
        self.refuses: set[str] = set()
        self.hangs = False
        self.after_data = b"250 taken"
        self.farewell = b"221 bye\r\n"
        self._over = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        if self.hangs:
            await self._over.wait()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            self.heard.append(line)
            word = line.split(":")[0].upper()
            if word.startswith("EHLO"):
                writer.write(b"250-here\r\n250 8BITMIME\r\n")
            elif word == "DATA":
                writer.write(b"354 go on\r\n")
                self.data = await reader.readuntil(b"\r\n.\r\n")
                writer.write(self.after_data + b"\r\n")
            elif word == "QUIT":
                writer.write(self.farewell)
                return
            elif any(address in line for address in self.refuses) and word.startswith("RCPT"):
                writer.write(b"550 nobody\r\n")
            else:
                writer.write(b"250 yes\r\n")

    async def end(self) -> None:
        """Let go of everybody."""
        self._over.set()
        await asyncio.gather(*self._serving)


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Smtp, MailServer]]:
    """A server that listens."""
    smtp = Smtp()
    server = await asyncio.start_server(smtp.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield smtp, MailServer(host="127.0.0.1", port=port)
    finally:
        await smtp.end()
        server.close()
        await server.wait_closed()


async def test_a_letter_arrives_whole() -> None:
    """Head and text, to everybody that it names, under its own name."""
    async with mail_server() as (smtp, server):
        assert await SmtpMail().send(LETTER, server) == 0
    assert [line for line in smtp.heard if line.upper().startswith("RCPT")] == [
        "rcpt TO:<one@il.example>", "rcpt TO:<two@il.example>",
    ]  # fmt: skip
    assert smtp.heard[0] == "ehlo il.example"
    body = smtp.data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
    message = email.message_from_bytes(body, policy=email.policy.default)
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"] == f"<{LETTER.name}@il.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert smtp.data.isascii()
    assert message.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize("farewell", [b"", b"500 what\r\n", b"noise"])
async def test_a_letter_that_was_taken_is_taken(farewell: bytes) -> None:
    """Whatever the server says when the connection ends."""
    async with mail_server() as (smtp, server):
        smtp.farewell = farewell
        assert await SmtpMail().send(LETTER, server) == 0


async def test_an_address_that_is_refused_is_counted() -> None:
    """While another takes it; if none does, it was not sent."""
    async with mail_server() as (smtp, server):
        smtp.refuses = {"one@"}
        assert await SmtpMail().send(LETTER, server) == 1
        smtp.refuses = {"one@", "two@"}
        with pytest.raises(MailDownError):
            await SmtpMail().send(LETTER, server)


async def test_a_server_that_does_not_take_it_is_heard() -> None:
    """Refused at its end, hanging, not there."""
    async with mail_server() as (smtp, server):
        smtp.after_data = b"451 later"
        with pytest.raises(MailDownError) as raised:
            await SmtpMail().send(LETTER, server)
        assert "later" not in str(raised.value)
    async with mail_server() as (smtp, server):
        smtp.hangs = True
        with pytest.raises(MailDownError):
            await SmtpMail(0.2).send(LETTER, server)
    with pytest.raises(MailDownError):
        await SmtpMail().send(LETTER, MailServer(host="127.0.0.1", port=1))


async def test_nothing_goes_to_another_machine_in_the_clear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server without STARTTLS gets no letter and no password."""
    monkeypatch.setattr("comity.adapters.mail._OWN", frozenset())
    async with mail_server() as (smtp, server):
        named = MailServer(host=server.host, port=server.port, user="a", password="b")
        with pytest.raises(MailDownError):
            await SmtpMail().send(LETTER, named)
        assert not any(line.upper().startswith(("MAIL", "AUTH")) for line in smtp.heard)


async def test_a_subject_makes_no_line_of_the_head() -> None:
    """Whatever it holds: the letter is not sent."""
    wrong = MailLetter(
        sender=LETTER.sender, to=LETTER.to, subject="a\r\nBcc: b@example.org", text="", name="x"
    )
    async with mail_server() as (smtp, server):
        with pytest.raises(MailDownError):
            await SmtpMail().send(wrong, server)
        assert smtp.data == b""


async def test_the_twin_keeps_and_fails() -> None:
    """As it is told."""
    twin = MemoryMail()
    assert await twin.send(LETTER, MailServer(host="h", port=1)) == 0
    twin.is_broken = True
    with pytest.raises(MailDownError):
        await twin.send(LETTER, MailServer(host="h", port=1))
    assert [letter for letter, _ in twin.sent] == [LETTER]
