"""`comity block`: block a family of agencies now; drill it; print the certificate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.cli.certificates import check_ending, print_certificate, write_certificate
from comity.cli.errors import ExitCode, UsageError
from comity.cli.leaks import print_advice
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.publishing import certified, people_of, published, signed_policy
from comity.cli.rules import named_rules
from comity.cli.terminal import AsJson, print_json, say
from comity.domain.certificate import CertifiedBlock, SignedCertificate
from comity.domain.ids import Member
from comity.policy.block import UNCONFIRMED_SECONDS_MAX, blocked
from comity.policy.check import CITE_CHARACTERS_MAX, is_citation
from comity.policy.families import KNOWN_FAMILIES
from comity.roles.host_files import ReviewerFile
from comity.roles.settings import Settings

__all__ = ["BlockMade", "app", "block_now"]

app = typer.Typer(add_completion=False)

_NS: Final = 1_000_000_000
_DOORS_SHOWN: Final = 3


class BlockMade(msgspec.Struct, frozen=True, kw_only=True):
    """A block that took force: its certificate, when it was ordered (here) and in force (there)."""

    signed: SignedCertificate
    ordered_at: str
    in_force_at: str
    seconds: float

    @property
    def block(self) -> CertifiedBlock:
        """What the certificate says of it."""
        assert self.signed.certificate.block is not None
        return self.signed.certificate.block


@app.command()
def block(
    family: Annotated[
        str, typer.Argument(metavar="FAMILY", help="Whom, as in US/DHS/ICE; all below it too.")
    ],
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose records.")],
    authority: Annotated[
        str, typer.Option("--authority", metavar="TEXT", help="By what order, as in 'Order 14'.")
    ],
    as_name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Whose key kept here signs; else the first.")
    ] = "",
    signed_by: Annotated[
        Path | None, typer.Option("--signed-by", metavar="FILE", help="The signer's key file.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="A .json, .txt or .pdf file for it."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Block a family of agencies now, and prove that it holds.

    Takes force with its own leaf; probes drill it on the path of real queries. Another person
    confirms it within 24 hours (comity policy confirm), or it becomes a hold. What the gateway
    found it signs: a .pdf has its .json beside it. Ends with 5 if a probe was not refused.
    """
    member, name = member_of(state), family.upper()
    settings = settings_of(data)
    if name not in KNOWN_FAMILIES:
        raise UsageError(f"`{name}` is no family that rules may name")
    if not is_citation(authority):
        raise UsageError(f"`--authority` is not 1 to {CITE_CHARACTERS_MAX} printable characters")
    if certificate is not None:
        check_ending(certificate)
    people = people_of(
        settings, member, [as_name] if as_name else [], [signed_by] if signed_by else [], 1
    )
    made = block_now(settings, member, name, authority.strip(), people[:1])
    files = () if certificate is None else write_certificate(certificate, made.signed)
    if as_json:
        print_json(
            {"holds": made.block.holds, "ordered_at": made.ordered_at,
             "in_force_at": made.in_force_at, "seconds": made.seconds, "signed": made.signed}
        )  # fmt: skip
    else:
        _say(made, files)
        say("")
        print_advice(settings, member, name, _DOORS_SHOWN)
    raise typer.Exit(ExitCode.OK if made.block.holds else ExitCode.UNVERIFIED)


def _say(made: BlockMade, files: Sequence[Path]) -> None:
    print_certificate(made.signed)
    say("")
    say(f"Ordered at {made.ordered_at}, in force {made.seconds} s later.")
    for file in files:
        say(f"Written to {file}.")
    state = made.signed.certificate.state.upper()
    command = f"comity policy confirm {made.block.rule} --state {state} --as NAME"
    say(f"Another person confirms it: {command}")


def block_now(
    settings: Settings,
    member: Member,
    family: str,
    authority: str,
    people: Sequence[ReviewerFile],
) -> BlockMade:
    """Put a block into force and have it probed and certified; return what there is to show.

    Raises: BlockError if it stands, GatewayRefusalError.
    """
    ordered_ns = time.time_ns()
    standing = named_rules(settings, f"@{member}").bundle
    wait = min(UNCONFIRMED_SECONDS_MAX, settings.confirm_seconds_max)
    until = ordered_ns // _NS + wait
    bundle = blocked(standing, family, authority, until)
    done = published(settings, member, signed_policy(bundle, people))
    in_force_ns = int(dict(done.facts)["in_force_ns"])
    return BlockMade(
        signed=certified(settings, member, family),
        ordered_at=_time(ordered_ns),
        in_force_at=_time(in_force_ns),
        seconds=round((in_force_ns - ordered_ns) / _NS, 3),
    )


def _time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // _NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
