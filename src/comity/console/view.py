"""Pages from templates, with what stands around every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from comity.console.identity import Identity, plain_identity
from comity.console.navigation import navigation
from comity.console.people import Role
from comity.console.problems import ProblemError
from comity.console.rendering import console_environment
from comity.console.replies import Reply, html
from comity.console.routes import Name, find_route, url_of
from comity.console.sessions import SignedIn
from comity.console.visits import Visit
from comity.console.words import iso, moment_said
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member

__all__ = ["Views"]

_ROLE_WORDS: Final = {
    Role.REVIEWER: "reviewer",
    Role.SUPERVISOR: "supervisor",
    Role.AUTHOR: "author of rules",
    Role.COUNSEL: "counsel",
    Role.AUDITOR: "auditor",
    Role.OPERATOR: "operator",
    Role.REQUESTER: "requester",
}


class Views:
    """Renders pages for a visit."""

    def __init__(self, *, identities: Mapping[Member, Identity], is_practice: bool) -> None:
        """`identities` are those that a state has chosen; others have a plain one."""
        self._environment = console_environment()
        self._identities = {m: identities.get(m) or plain_identity(m) for m in MEMBERS}
        self._is_practice = is_practice

    @property
    def is_practice(self) -> bool:
        """Whether nothing shown here is of a real person."""
        return self._is_practice

    def identity_sheet(self, file: str) -> bytes | None:
        """Return the style sheet of a state by its file name, or None."""
        for identity in self._identities.values():
            if identity.stylesheet_path == file:
                return identity.stylesheet
        return None

    def seal(self, file: str) -> bytes | None:
        """Return the seal of a state by its file name, or None."""
        for identity in self._identities.values():
            if identity.seal and identity.seal_path == file:
                return identity.seal
        return None

    def page(
        self,
        template: str,
        visit: Visit,
        *,
        status: int = 200,
        policy_version: str | None = None,
        counts: Mapping[Name, int] | None = None,
        **context: Any,
    ) -> Reply:
        """Return a page; `counts` stand beside entries of the navigation."""
        found = find_route("GET", visit.path)
        at = found.route.name if found is not None else None
        around = self._around(visit.signed_in, visit.now, at, counts)
        text = self._environment.get_template(template).render(
            **around, policy_version=policy_version, form_token=visit.form_token, now=visit.now,
            **context,
        )  # fmt: skip
        return html(text, status)

    def part(self, template: str, **context: Any) -> str:
        """Return a part of a page by its own template, without what stands around a page."""
        return self._environment.get_template(template).render(**context)

    def problem(self, error: ProblemError, signed_in: SignedIn | None, now: int) -> Reply:
        """Return the page of a problem."""
        around = self._around(signed_in, now)
        text = self._environment.get_template("problem.html").render(
            **around, policy_version=None, problem=error.problem, more=error.more
        )
        return html(text, error.problem.status)

    def _around(
        self,
        signed_in: SignedIn | None,
        now: int,
        at: Name | None = None,
        counts: Mapping[Name, int] | None = None,
    ) -> dict[str, Any]:
        person = signed_in.person if signed_in is not None else None
        member = person.state if person is not None else OPERATOR_MEMBER
        site = self._identities[member]
        if person is None:
            site = msgspec.structs.replace(
                site, state_name="Comity", title="Comity", official_line="Comity", seal=b""
            )
        nav = navigation(person, at, counts or {})
        shown = None
        if signed_in is not None:
            name = (person or signed_in.places[0]).name
            roles = ", ".join(w for r, w in _ROLE_WORDS.items() if person and r in person.roles)
            shown = {"name": name, "role": roles, "sign_out": url_of(Name.SIGN_OUT),
                     "own": url_of(Name.OWN_PASSKEYS)}  # fmt: skip
        return {
            "site": site,
            "is_practice": self._is_practice,
            "person": shown,
            "nav": nav,
            "member": member,
            "as_of": moment_said(now, member),
            "now_iso": iso(now),
        }
