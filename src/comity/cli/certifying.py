"""`comity policy certify`, `check-certificate`, `thaw`: what a gateway signs of its rules, who
checks it, and how a freeze ends.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from comity.cli.certificates import check_ending, print_certificate, write_certificate
from comity.cli.errors import ExitCode, UsageError, code_of
from comity.cli.files import read_input
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.parts import network_directory
from comity.cli.publishing import certified, people_of, thawed
from comity.cli.rules import askers_of, named_rules
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.directory.certificate import verify_certificate
from comity.directory.errors import CertificateSignatureError
from comity.domain.certificate import (
    CERTIFICATE_BYTES_MAX,
    Certificate,
    CertificateFormError,
    SignedCertificate,
    parse_certificate,
)
from comity.domain.ids import member_label
from comity.policy.certified import certificate_sentence, utc_time, void_because
from comity.policy.english import join_words
from comity.policy.families import KNOWN_FAMILIES
from comity.policy.guarantee import guarantees_in_force
from comity.policy.rule import bundle_digest
from comity.roles.settings import Settings
from comity.services.certifying import stands_over

__all__ = ["certify", "check_certificate", "checked", "thaw"]

_IN_FORCE: Final = "@"
_TWO: Final = 2


def certify(
    rules: Annotated[str, typer.Argument(metavar="@ST", help="The rules in force in ST.")],
    *,
    family: Annotated[
        str, typer.Option("--block", metavar="FAMILY", help="Certify this block; it is probed.")
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="A .json, .txt or .pdf file.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Have the gateway prove its guarantees, or probe a block, and sign what it found.

    A .pdf has its .json beside it. Ends with 5 if something that it speaks of does not hold.
    """
    settings, name = settings_of(data), family.upper()
    if not rules.startswith(_IN_FORCE):
        raise UsageError(f"`{rules}` is not rules in force, such as @oh: nothing else is certified")
    if name and name not in KNOWN_FAMILIES:
        raise UsageError(f"`{name}` is no family that rules may name")
    if to is not None:
        check_ending(to)
    signed = certified(settings, member_of(rules.removeprefix(_IN_FORCE)), name)
    files = () if to is None else write_certificate(to, signed)
    if as_json:
        print_json(signed)
    else:
        print_certificate(signed)
        for file in files:
            say(f"  written to    {file}")
    raise typer.Exit(ExitCode.OK if signed.certificate.holds else ExitCode.UNVERIFIED)


def check_certificate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The .json, or - for input.")],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check a certificate: who signed it, every byte of it, and whether it still counts.

    Ends with 5 if it is not what a gateway signed, or is void because rules, families or
    vocabularies are others since.
    """
    settings = settings_of(data)
    data_read = read_input(file, CERTIFICATE_BYTES_MAX)
    try:
        signed, changed = checked(settings, data_read)
    except (CertificateFormError, CertificateSignatureError) as error:
        if as_json:
            print_json({"signed": False, "code": code_of(error), "text": str(error)})
        else:
            say(f"✕ This is no certificate that a gateway of this network signed: {error}")
        raise typer.Exit(ExitCode.UNVERIFIED) from None
    if as_json:
        print_json(
            {"signed": True, "stands": not changed, "changed": changed,
             "sentence": certificate_sentence(signed.certificate),
             "certificate": signed.certificate}
        )  # fmt: skip
    else:
        _say_checked(signed, changed)
    raise typer.Exit(ExitCode.UNVERIFIED if changed else ExitCode.OK)


def checked(settings: Settings, data: bytes) -> tuple[SignedCertificate, tuple[str, ...]]:
    """Return a certificate that a member's gateway signed, and what has changed since.

    Raises: CertificateFormError, CertificateSignatureError.
    """
    signed = parse_certificate(data)
    verify_certificate(signed, asyncio.run(network_directory(settings)))
    return signed, _changed(settings, signed.certificate)


def _changed(settings: Settings, made: Certificate) -> tuple[str, ...]:
    named = named_rules(settings, f"{_IN_FORCE}{made.state}")
    askers, _ = askers_of(settings)
    now = stands_over(
        bundle_digest(named.bundle), named.rules, guarantees_in_force(named.bundle), askers
    )
    return void_because(made, now)


def _say_checked(signed: SignedCertificate, changed: tuple[str, ...]) -> None:
    made = signed.certificate
    sentence, label = certificate_sentence(made), member_label(made.state)
    if changed:
        what = join_words(list(changed), "and")
        text = f"✕ Void, because the {what} changed since; it said: {sentence}"
    else:
        text = f"● Signed, and it stands: {sentence}"
    print_wrapped(facts_console(), text, onward="  ")
    say(f"  by gateway host {signed.host}, which {label} certifies, {utc_time(made.at)}")
    say(f"  over version {made.policy_version} of its rules, {made.entry}")
    if made.practice:
        say("  (practice data)")


def thaw(
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose rules.")],
    *,
    names: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="NAME", help="Whose key kept here signs; two people do."),
    ] = None,
    signed_by: Annotated[
        list[Path] | None,
        typer.Option("--signed-by", metavar="FILE", help="A signer's key file; repeat for two."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What the cause was.")] = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let rules be loosened again, after a decision and its referee disagreed.

    Two people sign that the cause is known, and the gate must pass for the rules in force.
    """
    settings, member = settings_of(data), member_of(state)
    people = people_of(settings, member, names or [], signed_by or [], _TWO)
    bundle = named_rules(settings, f"{_IN_FORCE}{member}").bundle
    done = thawed(settings, bundle, people, note)
    by = [person.name for person in people]
    if as_json:
        print_json({"state": member, "entry": done.entry, "signed_by": by,
                    **dict(done.facts)})  # fmt: skip
        return
    since = utc_time(int(dict(done.facts)["since"]))
    text = (
        f"● {member_label(member)} may loosen its rules again: {join_words(by, 'and')} signed, and"
        " all evaluators agree on those in force"
    )
    print_wrapped(facts_console(), text, onward="  ")
    say(f"  frozen since {since}, under {done.entry}")
