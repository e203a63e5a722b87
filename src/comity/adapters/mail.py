"""E-mail by SMTP.

Guarantee: to any machine but this one a letter goes by TLS whose certificate is checked, or not at
all: by STARTTLS, or on port 465 from the first byte. Each wait takes 20 seconds at most. Nothing of
what a server says is kept. Source: RFC 5321, RFC 8314;
docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a digest".
"""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Final

from comity.ports import MailDownError, MailLetter, MailServer

__all__ = ["MAIL_SECONDS_MAX", "SmtpMail"]

MAIL_SECONDS_MAX: Final = 20.0
"""How long a mail server may take over one answer."""
_TLS_PORT: Final = 465
_OWN: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class SmtpMail:
    """Sends letters, each by a connection of its own."""

    def __init__(self, seconds_max: float = MAIL_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max

    async def send(self, letter: MailLetter, server: MailServer) -> int:
        """Hand a letter over; return for how many it was refused. Raises: MailDownError."""
        try:
            return await asyncio.to_thread(self._send, letter, server)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # A library's own text may hold addresses, and a server's anything.
            raise MailDownError(
                f"the mail server did not take it: {type(error).__name__}"
            ) from None

    def _send(self, letter: MailLetter, server: MailServer) -> int:
        smtp = self._open(letter, server)
        try:
            if server.user:
                smtp.login(server.user, server.password)
            refused = smtp.send_message(_message(letter), letter.sender, list(letter.to))
            # It is taken: a server that cannot say good-bye must not get it again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
        finally:
            smtp.close()
        return len(refused)

    def _open(self, letter: MailLetter, server: MailServer) -> smtplib.SMTP:
        # Our own name is told as the sender's domain: a look-up could hang.
        own = _domain(letter)
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if server.port == _TLS_PORT:
            return smtplib.SMTP_SSL(
                server.host, server.port, own, timeout=self._seconds_max, context=context
            )
        smtp = smtplib.SMTP(server.host, server.port, own, timeout=self._seconds_max)
        if server.host not in _OWN:
            try:
                smtp.starttls(context=context)
            except BaseException:
                smtp.close()
                raise
        return smtp


def _message(letter: MailLetter) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = letter.sender
    message["To"] = ", ".join(letter.to)
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.name}@{_domain(letter)}>"
    message["Date"] = formatdate(usegmt=True)
    message["Auto-Submitted"] = "auto-generated"
    # Also for a server that takes ASCII alone.
    message.set_content(letter.text, cte="quoted-printable")
    return message


def _domain(letter: MailLetter) -> str:
    return letter.sender.rpartition("@")[2]
