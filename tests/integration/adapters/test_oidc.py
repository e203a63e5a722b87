"""Signing in by a provider over sockets that is slow, hostile, broken, or changes its keys."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey
from starlette.responses import Response

from comity.adapters.oidc import OidcProvider, OidcTerms
from comity.adapters.oidc.fetching import PROVIDER_REPLY_BYTES_MAX
from comity.domain.errors import MalformedError
from comity.ports import Claims, IdentityError, ProviderDownError, ProviderReply
from comity.roles.certificates import keep_certificates
from tests.support.identity import (
    CLIENT,
    NOW,
    REDIRECT,
    ToldProvider,
    another,
    as_json,
    manual_clock,
    seconds,
    signed,
    terms_of,
    told_provider,
)
from tests.support.web import serving

CODE = ProviderReply(code="a-code")
DISCOVERY = "/.well-known/openid-configuration"


async def finish(client: OidcProvider, reply: ProviderReply = CODE) -> Claims:
    """The end of the one sign-in that these tests are about."""
    return await client.finish(terms_of(), reply)


async def test_request_names_what_the_sign_in_is_bound_to() -> None:
    """The browser is sent with state, nonce, age and the verifier's hash, never the verifier."""
    async with told_provider(manual_clock()) as (told, client):
        terms = terms_of()
        url = urlsplit(await client.begin(terms))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{told.issuer}/authorize"
    said = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert terms.verifier not in url.query
    assert len(said.pop("code_challenge")) == 43
    assert said == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "scope": "openid profile",
        "state": terms.state,
        "nonce": terms.nonce,
        "max_age": "43200",
        "code_challenge_method": "S256",
    }


async def test_code_is_redeemed_with_the_verifier() -> None:
    """The token endpoint gets code, verifier and address, and no secret where there is none."""
    async with told_provider(manual_clock()) as (told, client):
        assert (await finish(client)).subject == "ana"
    (form,) = told.forms
    assert form["code"] == ["a-code"]
    assert form["code_verifier"] == [terms_of().verifier]
    assert form["redirect_uri"] == [REDIRECT]
    assert told.authorization == [""]


@pytest.mark.parametrize(("methods", "is_basic"), [(None, True), (["client_secret_post"], False)])
async def test_secret_goes_as_the_provider_takes_it(
    methods: list[str] | None, is_basic: bool
) -> None:
    """A secret goes in the header, or in the form where the provider takes it there alone."""
    async with told_provider(manual_clock(), secret="a b:c") as (told, client):
        if methods is not None:
            told.discovery["token_endpoint_auth_methods_supported"] = methods
        await finish(client)
    (form,), (header,) = told.forms, told.authorization
    basic = "Basic " + base64.b64encode(b"comity-console:a+b%3Ac").decode()
    assert header == (basic if is_basic else "")
    assert form.get("client_secret") == (None if is_basic else ["a b:c"])


async def test_secret_goes_nowhere_unknown() -> None:
    """A provider that takes the secret in no way that we know is refused before it is sent."""
    async with told_provider(manual_clock(), secret="abc") as (told, client):
        told.discovery["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
        with pytest.raises(IdentityError):
            await finish(client)
        assert "/token" not in told.asked


async def test_another_issuers_reply_is_a_mix_up() -> None:
    """A reply that names another issuer, or none where ours says its name, sends no code."""
    async with told_provider(manual_clock()) as (told, client):
        other = ProviderReply(code="a-code", issuer="https://other.invalid")
        with pytest.raises(IdentityError, match="`iss`"):
            await finish(client, other)
    async with told_provider(manual_clock()) as (told, client):
        told.discovery["authorization_response_iss_parameter_supported"] = True
        with pytest.raises(IdentityError, match="`iss`"):
            await finish(client)
        assert told.asked == [DISCOVERY]


OTHERS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"iss": "https://other.invalid"}, {}),
    ({"aud": "another-console"}, {}),
    ({"nonce": terms_of("two").nonce}, {}),
    ({"exp": NOW - 3_600}, {}),
    ({"auth_time": None}, {}),
    ({}, {"kid": "k2"}),
)


async def test_token_of_something_else_is_refused() -> None:
    """A token of another issuer, client, sign-in, time or key opens nothing, signed as it is."""
    async with told_provider(manual_clock()) as (told, client):
        for told.claims, told.header in OTHERS:
            with pytest.raises(IdentityError):
                await finish(client)
        told.claims, told.header = {}, {}
        assert (await finish(client)).subject == "ana"


async def test_token_of_another_providers_key_is_refused() -> None:
    """A token that another provider signed under the same `kid` does not hold."""
    async with told_provider(manual_clock()) as (told, client):
        told.token = signed(ECKey.generate_key("P-256"), told.said())
        with pytest.raises(IdentityError, match="signature"):
            await finish(client)


async def test_new_key_is_fetched_once_a_minute() -> None:
    """A `kid` that is not known is looked for, but not again within a minute."""
    clock = manual_clock()
    async with told_provider(clock) as (told, client):
        await finish(client)
        told.key = ECKey.generate_key("P-256", {"kid": "k2"})
        told.header = {"kid": "k2"}
        for _ in range(3):
            with pytest.raises(IdentityError, match="`kid`"):
                await finish(client)
        assert told.asked.count("/jwks") == 1
        clock.advance_ns(seconds(60))
        told.claims = {"iat": NOW + 60}
        assert (await finish(client)).subject == "ana"
        assert told.asked.count("/jwks") == 2


async def test_key_that_was_taken_back_ends_within_the_hour() -> None:
    """Known keys are kept for an hour, and then one that is not published any more is unknown."""
    clock = manual_clock()
    async with told_provider(clock) as (told, client):
        await finish(client)
        told.published = [ECKey.generate_key("P-256", {"kid": "k2"}).as_dict(private=False)]
        clock.advance_ns(seconds(3_599))
        told.claims = {"iat": NOW + 3_599, "exp": NOW + 9_999}
        assert (await finish(client)).subject == "ana"
        clock.advance_ns(seconds(1))
        with pytest.raises(IdentityError, match="`kid`"):
            await finish(client)
        assert told.asked.count(DISCOVERY) == 2


async def test_provider_that_failed_is_left_alone_for_a_moment() -> None:
    """After a failure it is down at once for who waits behind it, and asked after five seconds."""
    clock = manual_clock()
    async with told_provider(clock) as (told, client):
        for path in (DISCOVERY, "/jwks"):
            told.replies[path] = Response(status_code=503)
            told.asked.clear()
            for _ in range(3):
                with pytest.raises(ProviderDownError):
                    await finish(client)
            assert told.asked.count(path) == 1
            del told.replies[path]
            clock.advance_ns(seconds(5))
        assert (await finish(client)).subject == "ana"


async def test_key_set_that_cannot_be_read_is_asked_once_a_minute() -> None:
    """A set that is malformed opens nothing, and is not fetched again for each token."""
    async with told_provider(manual_clock()) as (told, client):
        told.replies["/jwks"] = as_json({"keys": 7})
        for _ in range(3):
            with pytest.raises(IdentityError):
                await finish(client)
        assert told.asked.count("/jwks") == 1


FAILURES = {
    "fails": Response(status_code=500),
    "redirects": Response(status_code=302, headers={"Location": "/elsewhere"}),
    "oversize": Response(b" " * (PROVIDER_REPLY_BYTES_MAX + 1)),
    "compressed": Response(b"{}", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_provider_that_does_not_answer_as_one_is_down(failure: str) -> None:
    """An error, a redirect, too many bytes or packed ones are a provider that is down."""
    clock = manual_clock()
    async with told_provider(clock) as (told, _):
        for path in (DISCOVERY, "/jwks", "/token"):
            told.replies = {path: FAILURES[failure]}
            async with another(told, clock) as client:
                with pytest.raises(ProviderDownError):
                    await finish(client)
        assert "/elsewhere" not in told.asked


async def test_slow_provider_is_given_up() -> None:
    """A provider that does not answer in time is down; the sign-in does not wait on."""
    clock = manual_clock()
    async with told_provider(clock, seconds_max=0.2) as (told, client):
        for told.slow in (DISCOVERY, "/token", "/jwks"):
            with pytest.raises(ProviderDownError, match="TimeoutError"):
                await finish(client)
            clock.advance_ns(seconds(5))


async def test_provider_that_is_not_there_is_down() -> None:
    """Nobody at the address is a provider that is down, at the beginning and at the end."""
    client = OidcProvider(OidcTerms(issuer="http://127.0.0.1:1", client_id=CLIENT), manual_clock())
    with pytest.raises(ProviderDownError):
        await client.begin(terms_of())
    with pytest.raises(ProviderDownError):
        await finish(client)
    await client.close()


TOKEN_REPLIES: tuple[tuple[Response, type[Exception]], ...] = (
    (as_json({"error": "invalid_grant"}, 400), IdentityError),
    (as_json({"error": "invalid_client"}, 401), ProviderDownError),
    (as_json({"error": "invalid_request"}, 400), ProviderDownError),
    (Response(b"<html>", 400), ProviderDownError),
    (as_json({"id_token": "a.b.c", "token_type": "Bearer"}), IdentityError),
    (as_json({"id_token": 7, "token_type": "Bearer"}), IdentityError),
    (as_json({"token_type": "Bearer"}), IdentityError),
    (as_json({"id_token": "a.b.c", "token_type": "mac"}), IdentityError),
    (Response(b"\xff"), IdentityError),
)


async def test_token_reply_is_told_apart() -> None:
    """A code that is refused is the sign-in's fault; a provider that refuses us is down."""
    async with told_provider(manual_clock()) as (told, client):
        for told.replies["/token"], error in TOKEN_REPLIES:
            with pytest.raises(error):
                await finish(client)


async def test_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose certificate no authority of the system has signed gets nothing at all."""
    files = keep_certificates(tmp_path, datetime.now(UTC), lines=[])["server"]
    told = ToldProvider()
    async with serving(told, ssl_certfile=str(files.identity)) as port:
        told.issuer = f"https://127.0.0.1:{port}"
        async with another(told, manual_clock()) as client:
            with pytest.raises(ProviderDownError, match="Certificate"):
                await client.begin(terms_of())
        assert told.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        async with another(told, manual_clock()) as client:
            assert (await finish(client)).subject == "ana"


async def test_discovery_is_asked_once() -> None:
    """Sign-ins after the first do not ask for the document again."""
    async with told_provider(manual_clock()) as (told, client):
        for _ in range(3):
            await client.begin(terms_of())
        assert told.asked == [DISCOVERY]


@pytest.mark.parametrize("issuer", ["http://id.invalid", "id.invalid", "https://u@id.invalid", ""])
def test_issuer_in_the_clear_is_refused(issuer: str) -> None:
    """An issuer that is not https, or has more than a host and path, is refused at the start."""
    with pytest.raises(MalformedError, match="`issuer`"):
        OidcProvider(OidcTerms(issuer=issuer, client_id=CLIENT), manual_clock())
