"""The contract of `IdentityProvider`: the twin in memory and OpenID Connect over sockets alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec
import pytest

from comity.adapters.memory.clock import ManualClock, SeededEntropy
from comity.adapters.memory.identity import MemoryIdentity
from comity.ports import IdentityError, IdentityProvider, ProviderReply
from tests.support.identity import (
    NOW,
    manual_clock,
    person,
    practice_provider,
    press,
    reply_of,
    seconds,
    terms_of,
)

PEOPLE = (person("ana"), person("bo", name="Bo Kaldwsen", signs_as="supervisor"))


@dataclass
class Case:
    """A provider, its clock, and who presses a button of it."""

    provider: IdentityProvider
    clock: ManualClock
    press: Callable[[str, str], Awaitable[str]]


@pytest.fixture(params=["memory", "oidc"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """A provider of each kind with two people."""
    clock = manual_clock()
    if request.param == "memory":
        names = {each.subject: each.name for each in PEOPLE}
        twin = MemoryIdentity("https://id.invalid", names, clock, SeededEntropy(b"twin"))

        async def press_twin(url: str, subject: str) -> str:
            return twin.press(url, subject)

        yield Case(twin, clock, press_twin)
        return
    async with practice_provider(PEOPLE, clock) as (_, client):
        yield Case(client, clock, press)


async def test_who_signed_in_is_said(case: Case) -> None:
    """The reply of a browser gives issuer, subject, name and when the provider saw the person."""
    terms = terms_of()
    back = await case.press(await case.provider.begin(terms), "ana")
    claims = await case.provider.finish(terms, reply_of(back))
    assert (claims.issuer, claims.subject) == (case.provider.issuer, "ana")
    assert (claims.name, claims.authenticated_at) == ("Ana Velarzora", NOW)


async def test_browser_is_sent_back_with_the_state(case: Case) -> None:
    """The way back is the redirect address, with the state of this sign-in and the issuer."""
    terms = terms_of()
    back = await case.press(await case.provider.begin(terms), "bo")
    assert back.startswith(f"{terms.redirect_uri}?")
    assert f"state={terms.state}" in back
    assert reply_of(back).issuer == case.provider.issuer


async def test_code_works_once(case: Case) -> None:
    """A code that was redeemed is refused, also in the sign-in that it was for."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    await case.provider.finish(terms, reply)
    with pytest.raises(IdentityError):
        await case.provider.finish(terms, reply)


@pytest.mark.parametrize("field", ["verifier", "nonce"])
async def test_code_of_another_sign_in_is_refused(case: Case, field: str) -> None:
    """A code of another browser's sign-in opens nothing: verifier and nonce differ."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    other = msgspec.structs.replace(terms, **{field: getattr(terms_of("two"), field)})
    with pytest.raises(IdentityError):
        await case.provider.finish(other, reply)


async def test_code_for_another_address_is_refused(case: Case) -> None:
    """A code is redeemed with the redirect address that it was given for, and with no other."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    other = msgspec.structs.replace(terms, redirect_uri=f"{terms.redirect_uri}/")
    with pytest.raises(IdentityError):
        await case.provider.finish(other, reply)


async def test_old_code_is_refused(case: Case) -> None:
    """A code is good for less than a minute."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    case.clock.advance_ns(seconds(60))
    with pytest.raises(IdentityError):
        await case.provider.finish(terms, reply)


async def test_code_just_in_time_is_taken(case: Case) -> None:
    """A second before its end a code still works."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    case.clock.advance_ns(seconds(59))
    assert (await case.provider.finish(terms, reply)).authenticated_at == NOW


@pytest.mark.parametrize("code", ["", "0" * 64, "\u00fc", "a&grant_type=x"])
async def test_unknown_code_is_refused(case: Case, code: str) -> None:
    """What no button gave opens nothing."""
    with pytest.raises(IdentityError):
        await case.provider.finish(terms_of(), ProviderReply(code=code))


async def test_reply_of_another_issuer_is_refused(case: Case) -> None:
    """A reply that says it comes from another provider is refused, and its code not even sent."""
    terms = terms_of()
    reply = reply_of(await case.press(await case.provider.begin(terms), "ana"))
    mixed = msgspec.structs.replace(reply, issuer="https://other.invalid")
    with pytest.raises(IdentityError):
        await case.provider.finish(terms, mixed)
    assert (await case.provider.finish(terms, reply)).subject == "ana"
