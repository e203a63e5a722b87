"""Passkeys in a real browser with a device in software: invited, made, used, copied, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from comity.domain.ids import Member, member_label
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
STATE = Member("mt")
"""Nobody else of these tests signs in here: who has a passkey is asked for it."""
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Desk:
    """A browser with a device of its own, in which one person of a state signs in."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(reduced_motion="reduce")
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self._device = self.context.new_cdp_session(self.page)
        self._device.send("WebAuthn.enable")
        added = self._device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self._id = added["authenticatorId"]

    def sign_in(self, post: str) -> None:
        """Take the first step, by one click at the practice provider."""
        self.page.goto(self.url)
        self.page.get_by_role("link", name="Agree and sign in").click()
        named = self.page.get_by_role("button", name=post).filter(has_text=member_label(STATE))
        named.first.click()

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").first.click()
        self.page.wait_for_url("**/sign-in")

    def passkey(self) -> dict[str, Any]:
        """The one passkey of the device, private key and all."""
        found = self._device.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        (passkey,) = found["credentials"]
        return dict(passkey)

    def put(self, passkey: dict[str, Any]) -> None:
        """Copy a passkey into the device."""
        given = {"authenticatorId": self._id, "credential": passkey}
        self._device.send("WebAuthn.addCredential", given)


@pytest.fixture
def reviewer(browser: Browser, desk: DeskNetwork) -> Iterator[Desk]:
    """The reviewer's browser; at the end nothing was logged."""
    opened = Desk(browser, desk.url)
    yield opened
    opened.context.close()
    assert opened.faults == []


def invited(browser: Browser, desk: DeskNetwork, shoot: Shoot) -> str:
    """The code that the supervisor of the state is shown."""
    page, guard = opened_as(browser, desk, "supervisor", STATE, "/state/passkeys")
    assert "here has a passkey." in heading(page) or "no passkey." in heading(page)
    shoot.fits(page, "passkeys-state")
    page.get_by_role("row").filter(has_text="reviewer").get_by_role("button").first.click()
    assert "can make a passkey with this code, once" in heading(page)
    shoot.fits(page, "passkeys-invited")
    code = page.locator(".code").inner_text()
    guard.close()
    return code


def test_passkey_from_invitation_to_removal(
    browser: Browser, desk: DeskNetwork, reviewer: Desk, shoot: Shoot
) -> None:
    """A colleague's code makes it, it opens the next session, a copy that is behind does not."""
    code = invited(browser, desk, shoot)
    page, head = reviewer.page, reviewer.page.get_by_role("heading", level=1)
    reviewer.sign_in(", reviewer,")
    expect(head).to_have_text("You have no passkey here yet: an invitation lets you make one.")
    shoot.fits(page, "passkey-invitation")
    page.get_by_label("Code of the invitation").fill(code.lower())
    page.get_by_role("button", name="Take the invitation").click()
    expect(head).to_have_text("Make your passkey on this device now.")
    shoot.fits(page, "passkey-make")
    page.get_by_role("button", name="Make a passkey").press("Enter")
    page.wait_for_url("**/state/queue")
    older = reviewer.passkey()
    reviewer.sign_out()
    reviewer.sign_in(", reviewer,")
    expect(head).to_have_text("Use your passkey to go on.")
    shoot.fits(page, "passkey-use")
    page.get_by_role("button", name="Use your passkey").click()
    page.wait_for_url("**/state/queue")
    assert reviewer.passkey()["signCount"] > older["signCount"]
    copied(browser, desk, {**older, "signCount": 0}, shoot)
    page.locator(".person a").first.click()
    expect(head).to_have_text("You have 1 passkey here.")
    expect(page.get_by_text("opened this session")).to_be_visible()
    shoot.fits(page, "passkeys-own")
    page.get_by_role("button", name="Remove passkey").click()
    # What it had opened is over with it.
    expect(head).to_have_text("Sign in to see what waits for your state.")
    reviewer.sign_in(", reviewer,")
    page.wait_for_url("**/state/queue")
    page.goto(f"{desk.url}/passkeys")
    assert heading(page) == "You have no passkey here."


def copied(browser: Browser, desk: DeskNetwork, passkey: dict[str, Any], shoot: Shoot) -> None:
    """Somebody has a copy of the device, from before its last use: it opens nothing."""
    thief = Desk(browser, desk.url)
    thief.put(passkey)
    thief.sign_in(", reviewer,")
    thief.page.get_by_role("button", name="Use your passkey").click()
    expect(thief.page.get_by_text("Code: passkey-count")).to_be_visible()
    shoot.fits(thief.page, "passkey-refused")
    thief.page.goto(f"{desk.url}/state/queue")
    assert heading(thief.page) == "Sign in to see what waits for your state."
    thief.context.close()


def test_without_scripts_the_step_says_what_to_do(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """It says that a passkey needs a script, shows no button that does nothing, and goes on."""
    page, guard = opened_as(browser, desk, "supervisor", STATE, "/state/passkeys")
    page.get_by_role("row").filter(has_text="author").get_by_role("button").first.click()
    guard.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(desk.url)
    page.get_by_role("link", name="Agree and sign in").click()
    named = page.get_by_role("button", name=", author").filter(has_text=member_label(STATE))
    named.first.click()
    expect(page.get_by_text("runs no script, and a passkey needs one.")).to_be_visible()
    shoot(page, "passkey-no-script")
    page.get_by_role("button", name="Go on without a passkey").click()
    page.wait_for_url("**/state/rules")
    context.close()
