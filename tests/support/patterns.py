"""The pages of patterns: every part of the console's templates, with practice content, served.

The application is as small as can be, and sends the content policy that the console sends.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from jinja2 import ChoiceLoader, FileSystemLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from comity.console import words
from comity.console.assets import find_asset
from comity.console.identity import Identity, plain_identity
from comity.console.rendering import make_environment
from comity.domain.ids import Member

FOLDER = Path(__file__).resolve().parents[1] / "browser/patterns"
WA = Member("wa")
NOW = 1_795_816_920
"""14:02 PST on Friday 27 November 2026, in Unix seconds."""
POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:"),
        *("font-src 'self'", "connect-src 'self'", "form-action 'self'"),
        *("frame-ancestors 'none'", "base-uri 'none'"),
    )
)
IDENTITY = plain_identity(WA)


def pattern_app(identity: Identity = IDENTITY) -> Starlette:
    """An application that shows the patterns under `/`, `/case`, `/decide` and `/empty`."""
    environment = make_environment()
    assert environment.loader is not None
    environment.loader = ChoiceLoader([FileSystemLoader(FOLDER), environment.loader])

    def page(name: str, status: int = 200, **values: object) -> Response:
        shown = environment.get_template(name).render(**{**frame(identity), **values})
        return HTMLResponse(shown, status, headers={"content-security-policy": POLICY})

    def decide(request: Request) -> Response:
        wrong = WRONG if request.method == "POST" else {}
        return page("decide.html", 422 if wrong else 200, **decision(wrong))

    def static(request: Request) -> Response:
        path = request.path_params["path"]
        if path == identity.stylesheet_path:
            return Response(identity.stylesheet, media_type="text/css")
        if identity.seal and path == identity.seal_path:
            return Response(identity.seal, media_type="image/svg+xml")
        found = find_asset(path)
        if found is None:
            return Response(status_code=404)
        return Response(found.content, media_type=found.media_type)

    return Starlette(
        routes=[
            Route("/", lambda _: page("queue.html", **queue())),
            Route("/case", lambda _: page("case.html", **case())),
            Route("/decide", decide, methods=["GET", "POST"]),
            Route("/empty", lambda _: page("empty.html", **nothing())),
            Route("/static/{path}", static),
        ]
    )


@contextlib.contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port of this machine; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    ready = threading.Event()

    async def started(sockets: list[socket.socket]) -> None:
        await type(server).startup(server, sockets=sockets)
        ready.set()

    server.startup = started  # type: ignore[assignment, method-assign]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(10)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _group(label: str, *pages: tuple[str, str, int | None]) -> dict[str, Any]:
    """A group of the navigation; the first one is at hand."""
    entries = [
        {"label": name, "url": url, "is_current": url == "/", "count": count}
        for name, url, count in pages
    ]
    return {**entries[0], "label": label, "pages": entries}


def frame(identity: Identity) -> dict[str, Any]:
    """What every page's layout takes."""
    return {
        "site": identity,
        "is_practice": True,
        "person": {"name": "Ana Ruiz", "role": "Reviewer", "sign_out": "/empty", "own": "/empty"},
        "nav": [
            _group("Review", ("Review queue", "/", 8), ("Past decisions", "/empty", None)),
            _group("Policies", ("Policies", "/empty", None)),
            _group("Requests", ("Requests", "/case", None), ("Agencies", "/decide", None)),
            _group("Reports", ("Reports", "/empty", None)),
        ],
        "as_of": words.moment_said(NOW, WA),
        "now_iso": words.iso(NOW),
        "policy_version": "version 13, in force since Mon 5 Oct 2026",
    }


def nothing() -> dict[str, Any]:
    """An empty queue."""
    groups = frame(IDENTITY)["nav"]
    for entry in [*groups, *(page for group in groups for page in group["pages"])]:
        entry["count"] = None
    return {"nav": groups}


def _row(number: int, minutes: int, *said: str, is_waiting: bool = False) -> dict[str, str]:
    left = minutes * 60 + 30
    agency, classes, purpose, why = said
    return {
        "request": f"WA-26-{number}",
        "agency": agency,
        "classes": classes,
        "purpose": purpose,
        "why": why,
        "until": words.iso(NOW + left),
        "left": words.left_said(left),
        "tone": words.tone_of(left, is_waiting=is_waiting),
    }


def queue() -> dict[str, Any]:
    """A queue of eight, and what was decided on the same day."""
    hsi, ero = "HSI Seattle (DHS)", "ICE ERO Tacoma (DHS)"
    return {
        "figures_shown": [
            {"label": "Waiting for you", "value": "8", "tone": "plain"},
            {"label": "Released today", "value": "9", "tone": "released"},
            {"label": "Held today", "value": "22", "tone": "held"},
            {"label": "Refused today", "value": "5", "tone": "refused"},
            {"label": "Median time to decide, 30 days", "value": "17 min", "tone": "plain"},
        ],
        "rows": [
            _row(418183, -21, ero, "Address", "Other civil", "Purpose is not one the rules know"),
            _row(418220, 24, hsi, "Photo, address", "Fraud investigation", "No warrant attached"),
            _row(418221, 24, hsi, "Photo", "Fraud investigation", "No warrant; same case"),
            _row(418146, 51, "Boise Basin County Sheriff (ID)", "Photo", "Missing person",
                 "Photo of a person under 18"),
            _row(418109, 95, "Marrow Lake Police (TX)", "History, medical", "Court proceeding",
                 "Medical part needs a court order"),
            _row(418097, 130, "FBI Seattle", "Identity, owner", "Terrorism",
                 "41 persons asked about today; 40 need no review"),
            _row(418071, 1_190, "Cedar Flats Police (CA)", "Social Security number",
                 "Identifying a deceased person", "Restricted part; coroner's letter attached",
                 is_waiting=True),
            _row(418066, 4_400, "Alder Bay Port Authority Police (OR)", "Vehicle, owner",
                 "Other", "Agency's certification expired on 20 Nov"),
        ],
        "decided": [
            {"request": "WA-26-418052", "agency": hsi, "classes": "Photo", "parts": 0,
             "outcome": "refused"},
            {"request": "WA-26-418049", "agency": "Redwater Police (OR)", "classes": "Photo",
             "parts": 3, "outcome": "released"},
            {"request": "WA-26-418031", "agency": ero, "classes": "Immigration documents",
             "parts": 0, "outcome": "none"},
        ],
    }  # fmt: skip


def case() -> dict[str, Any]:
    """One case: who asks for what, the rule that held it, and what was decided alike."""
    left = 24 * 60 + 30
    return {
        "until": words.iso(NOW + left),
        "left": words.left_said(left),
        "asked": [
            ("Agency", "HSI Seattle, WADHS0042 (federal law enforcement, certified)"),
            ("Officer", "J. Okafor, signed by the officer's own key"),
            ("About", "Lindqvist, Mara Elise, born 1991 (practice person)"),
            ("Message", "DQ, driver licence, to Washington alone"),
            ("Purpose", "Fraud investigation; offence: identity fraud"),
            ("Paper", "Administrative subpoena, 2 pages. It is signed by an officer."),
            ("Case", "SEA-2026-118843"),
        ],
        "parts": [
            ("Status", "WA-S01", "released", None),
            ("Identity", "WA-S01", "released", None),
            ("Address", "WA-S06", "refused", None),
            ("Photo", "WA-S04", "held", "Held for you"),
        ],
        "facts_checked": [
            ("met", "The agency is on Washington's list and in good standing."),
            ("met", "“Fraud investigation” is a purpose that the rules permit."),
            ("unmet", "A photo goes to a federal agency only on a judge's warrant. None is here."),
            ("unknown", "Whether the matter is civil immigration enforcement is not stated."),
        ],
        "law": (
            "A state agency spends no money, goods, staff or information on a program that goes "
            "after residents for their citizenship or immigration status. This is not so for "
            "a lawful court order."
        ),
        "alike": [
            ("WA-26-411907", "Tue 24 Nov", "refused"),
            ("WA-26-409344", "Thu 19 Nov", "released"),
            ("WA-26-402818", "Mon 9 Nov", "refused"),
        ],
    }


WRONG = {
    "clause": "Choose the clause that decides",
    "reason": "Give a reason of at least 10 characters",
}


def decision(wrong: dict[str, str]) -> dict[str, Any]:
    """The form by which a part is refused, with what is wrong in it."""
    return {
        "wrong": list(wrong.items()),
        "faults": {"clause": wrong.get("clause"), "reason": wrong.get("reason")},
        "given": {
            "clause": None,
            "reason": "no",
            "contact": "desk",
            "reference": "",
            "read": bool(wrong),
        },
        "clauses": [
            ("warrant", "WA-S04: no warrant signed by a judge", "The paper is a subpoena."),
            ("civil", "WA-S02: civil immigration use", "The purpose does not say so."),
            ("other", "Another clause", None),
        ],
        "contacts": [("desk", "Duty desk, Olympia"), ("counsel", "Records counsel")],
        "leaves": [
            ("To", "HSI Seattle (DHS)"),
            ("Says", "Photo refused under WA-S04"),
            ("Recorded", "Before it leaves, in Washington's ledger"),
        ],
    }
