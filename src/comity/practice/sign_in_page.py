"""The practice provider's page: a button for each invented person, and nothing that a script needs.

Guarantee: its policy lets nothing run and nothing load; the form goes here and on to the console.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import Final
from urllib.parse import urlsplit

from comity.console.people import Person
from comity.domain.ids import member_label

__all__ = ["page_policy", "refusal_page", "sign_in_page"]

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1.0625rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 42rem;
  padding: 0 1rem; }
.practice { border-left: .5rem solid #b50909; padding: .25rem 0 .25rem 1rem; font-weight: 700; }
h2 { font-size: 1.1875rem; margin: 2rem 0 .5rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { margin: .5rem 0; }
button { font: inherit; text-align: left; width: 100%; min-height: 2.75rem; padding: .5rem 1rem;
  border: 2px solid; border-radius: .25rem; background: none; color: inherit; cursor: pointer; }
button:focus-visible { outline: 4px solid #2491ff; outline-offset: 2px; }
"""
_DIGEST: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")


def page_policy(redirect_uri: str) -> str:
    """Return the content security policy; browsers hold a form's redirects against it too."""
    url = urlsplit(redirect_uri)
    return (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
        f"form-action 'self' {url.scheme}://{url.netloc}; base-uri 'none'; frame-ancestors 'none'"
    )


def sign_in_page(people: Sequence[Person], request_id: str) -> str:
    """Return the page on which one of these people signs in, by state."""
    by_state = groupby(sorted(people, key=_place), key=lambda person: person.state)
    parts = [
        '<p class="practice">Practice data. Every person here is invented.</p>',
        "<p>A state signs in by its own identity provider. This one asks for no password.</p>",
        '<form method="post" action="/authorize">',
        f'<input type="hidden" name="request" value="{escape(request_id)}">',
    ]
    for state, group in by_state:
        parts.append(f"<h2>{escape(member_label(state))}</h2>\n<ul>")
        parts += [_button(person) for person in group]
        parts.append("</ul>")
    return _page("Sign in for practice", [*parts, "</form>"])


def refusal_page(why: str) -> str:
    """Return the page of a request that is none of this provider's."""
    return _page(
        "This sign-in cannot go on",
        ['<p class="practice">Practice data.</p>', f"<p>{escape(why)}</p>"],
    )


def _place(person: Person) -> str:
    return member_label(person.state)


def _button(person: Person) -> str:
    # The weightier role first: a supervisor who reviews is a supervisor.
    roles = " and ".join(sorted(person.roles, reverse=True))
    words = f"Sign in as {person.name}, {roles}, {member_label(person.state)}"
    value = escape(person.subject)
    return f'<li><button name="subject" value="{value}">{escape(words)}</button></li>'


def _page(title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} - practice data</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
