"""What a request must be, and what every answer has: origins, forms, limits, headers, problems."""

from __future__ import annotations

import pytest

from comity.adapters.memory.store import MemoryStore
from comity.console.people import Role
from comity.console.replies import headers_of, html
from comity.console.visits import FIELDS_MAX, FORM_BYTES_MAX
from comity.domain.vocabulary import LeafKind
from comity.ports import StoreDownError
from tests.support.console import ADDRESS, console_on, person_of
from tests.support.gateway import HOLD_ALL, RELEASE, WA, ask_of, asks, policy_of, running

HELD = policy_of(WA, RELEASE, HOLD_ALL)
RELEASE_IT = "/state/cases/2/release"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "http://elsewhere.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": ""},
    ],
)
async def test_form_from_elsewhere_changes_nothing(headers: dict[str, str]) -> None:
    """Another site's form is refused, with the person's own cookie and token."""
    async with running(HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.post(RELEASE_IT, {"step": "1"}, token, **headers)
        assert (page.status, page.heading) == (
            403, "This form did not come from a page of this console.",
        )  # fmt: skip
        assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_form_without_this_sessions_token_is_refused() -> None:
    """A token of another session, or none, is as good as a form from elsewhere."""
    async with running(HELD) as host, console_on(host) as console:
        token, other = (console.sign_in(person_of(Role.REVIEWER)) for _ in range(2))
        for form_token in ("", "x", console.form_token(other)):
            page = await console.post(RELEASE_IT, {"form_token": form_token}, token)
            assert page.status == 403, form_token


async def test_old_browser_is_known_by_its_origin() -> None:
    """Without `Sec-Fetch-Site` the console's own `Origin` is enough."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        headers = {"sec-fetch-site": "", "origin": ADDRESS}
        page = await console.post("/sign-out", {}, token, **headers)
        assert (page.status, page.location) == (303, "/sign-in")
        assert (await console.get("/state/queue", token)).location.startswith("/sign-in?")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1", "application/json", 415),
        (b"a=1", "", 415),
        (b"a=1", "multipart/form-data", 415),
        (b"a=" + b"x" * FORM_BYTES_MAX, FORM, 413),
        (b"&".join([b"a=1"] * (FIELDS_MAX + 1)), FORM, 400),
        (b"step=1&step=1", FORM, 400),
        (b"note=%00", FORM, 400),
        (b"note=%ff%fe", FORM, 400),
        (b"note=\xff", FORM, 400),
        (b"nothing", FORM, 400),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(body: bytes, kind: str, status: int) -> None:
    """Too large, of another kind, in no encoding, or a field twice: refused with its code."""
    async with running(HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        (row,) = await host.store.open_holds([WA])
        token = console.sign_in(person_of(Role.REVIEWER))
        form_token = console.form_token(token).encode()
        if kind == FORM and status == 400:
            body = b"form_token=" + form_token + b"&" + body
        headers = {"content-type": kind, "sec-fetch-site": "same-origin"}
        path = f"/state/cases/{row.leaf_index}/ask"
        page = await console.ask("POST", path, token, body=body, headers=headers)
        assert page.status == status
        assert "Code: " in page.text
        assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_other_addresses_and_long_ones() -> None:
    """Another host's name is misdirected; the health of the process is told to whoever asks."""
    async with running(HELD) as host, console_on(host) as console:
        assert (await console.get("/sign-in", host="elsewhere.example")).status == 421
        assert (await console.get("/healthz", host="10.0.0.1")).body == "ok\n"
        assert (await console.get(f"/sign-in?return_to={'x' * 2_048}")).status == 414
        long = await console.get(f"/sign-in/done?code={'x' * 2_000}&state=y")
        assert (long.status, "not finished" in long.text) == (400, True)
        assert (await console.get(f"/sign-in/done?code={'x' * 6_144}")).status == 414
        put = await console.ask("PUT", "/state/cases/2/ask")
        assert (put.status, put.headers["allow"]) == (405, "GET, POST")
        assert (await console.ask("HEAD", "/sign-in")).body == ""


async def test_headers_of_pages_and_assets() -> None:
    """A page is kept nowhere and runs nothing foreign; an asset never changes under its name."""
    async with running(HELD) as host, console_on(host) as console:
        page = await console.get("/sign-in")
        assert page.headers["cache-control"] == "no-store"
        assert set(page.headers["content-security-policy"].split("; ")) == {
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
            "font-src 'self'", "connect-src 'self'", "form-action 'self'",
            "frame-ancestors 'none'", "base-uri 'none'",
        }  # fmt: skip
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        assert page.headers["cross-origin-resource-policy"] == "same-origin"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in page.headers
        (style,) = [part for part in page.body.split('"') if part.endswith(".css")][:1]
        asset = await console.get(style)
        assert (asset.status, asset.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in asset.headers["cache-control"]
        own = await console.get("/static/identity-wa.css")
        assert (own.status, "--accent" in own.body) == (200, True)
        assert (await console.get("/static/identity-zz.css")).status == 404


def test_over_tls_no_page_is_asked_for_in_the_clear() -> None:
    """A browser that came over TLS once comes back by nothing else for two years."""
    found = dict(headers_of(html("x"), is_tls=True))
    assert found[b"strict-transport-security"] == b"max-age=63072000"


async def test_way_back_leads_nowhere_else() -> None:
    """Signing in leads back to the page that was asked for, and to no other place."""
    async with running(HELD) as host, console_on(host) as console:
        first = await console.get("/state/queue?after=0-1-2")
        assert first.location == "/sign-in?return_to=/state/queue%3Fafter%3D0-1-2"
        door = await console.get(first.location)
        assert 'href="/sign-in/begin?return_to=/state/queue%3Fafter%3D0-1-2"' in door.body
        for elsewhere in ("https://elsewhere.example", "//elsewhere.example", "/\\elsewhere"):
            door = await console.get(f"/sign-in?return_to={elsewhere}")
            assert 'href="/sign-in/begin?return_to=/"' in door.body
            begun = await console.get(f"/sign-in/begin?return_to={elsewhere}")
            assert begun.status == 400


async def test_store_that_is_down_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that cannot be read says that nothing was changed, and shows no empty queue."""

    async def down(*_: object, **__: object) -> None:
        raise StoreDownError("the store does not answer")

    async with running(HELD) as host, console_on(host) as console:
        monkeypatch.setattr(MemoryStore, "review_holds", down)
        page = await console.get("/state/queue", console.sign_in(person_of(Role.REVIEWER)))
        assert page.status == 503
        assert page.heading == "This cannot be read now. Nothing was changed."


async def test_fault_in_a_page_ends_that_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is a page with a code and no detail."""

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a detail")

    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        with monkeypatch.context() as patched:
            patched.setattr(MemoryStore, "review_holds", broken)
            page = await console.get("/state/queue", token)
            assert (page.status, "a detail" in page.body) == (500, False)
        assert (await console.get("/state/queue", token)).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_link_elsewhere_opens_no_case(site: str) -> None:
    """Another site's link leads to the first page, and writes nothing under the reader's name."""
    async with running(HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        (row,) = await host.store.open_holds([WA])
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/cases/{row.leaf_index}"
        for address in (path, f"{path}/release", "/state/notices"):
            page = await console.get(address, token, **{"sec-fetch-site": site})
            assert (page.status, page.location) == (303, "/"), address
        assert host.leaves(WA, LeafKind.ACCESS) == []
        by_hand = await console.get(path, token, **{"sec-fetch-site": "none"})
        assert by_hand.status == 200
