"""The page that checks a receipt, in a real browser: opened as a file, offline, by keyboard."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from playwright.sync_api import Page, expect

from comity.domain.vocabulary import LeafMode
from comity.ledger.commitment import commit, encode_opening, open_commitment
from tests.support.evidence import KEY, PRACTICE_ORIGIN, SENTENCE, Held, disclosure, held
from tests.support.looks import Shoot
from tests.support.reading import grade

FILE = Path(__file__).resolve().parents[2] / "src/comity/audit/page/check-receipt.html"
HELD = held()
OTHER = held(disclosure(LeafMode.PROBE))
GRADE_MAX = 9
QUESTION = "Is this receipt real and unchanged?"


@pytest.fixture
def check(page: Page) -> Page:
    """The page, opened as a file with the network off."""
    page.context.set_offline(True)
    page.goto(FILE.as_uri())
    expect(page.locator("#finding")).to_have_attribute("aria-busy", "false")
    return page


def fill(page: Page, **boxes: str) -> None:
    """Put texts into the page's boxes and ask for the check."""
    if {"leaf", "opening"} & boxes.keys():
        page.locator("#more").evaluate("(more) => { more.open = true; }")
    for box, text in boxes.items():
        page.locator(f"#{box}").fill(text)
    page.get_by_role("button", name="Check").click()


def sees(page: Page, state: str, sentence: str) -> None:
    """The finding stands in the heading, and its mark says the same in shape and word."""
    expect(page.get_by_role("heading", level=1)).to_have_text(sentence)
    mark = {"holds": "● Holds", "fails": "✕ Does not hold", "open": "○ Not checked"}[state]
    expect(page.locator("#mark")).to_have_text(mark)


def test_answer_is_told_in_one_sentence(check: Page, shoot: Shoot) -> None:
    """An answer and its host's key become the sentence that says what the entry is."""
    expect(check.get_by_role("heading", level=1)).to_have_text(QUESTION)
    shoot(check, "empty-desk")
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    expect(check.get_by_role("heading", level=1)).to_be_focused()
    shoot(check, "holds-desk")


def test_typing_alone_is_enough(check: Page) -> None:
    """The finding follows what stands in the boxes, without a button."""
    check.locator("#evidence").fill(HELD.answer())
    check.locator("#keys").fill(HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    check.locator("#keys").fill("")
    sees(check, "open", "Not checked yet: put in the key of the signer.")


@pytest.mark.parametrize("what", ["receipt", "proof"])
def test_bare_paper_needs_its_leaf(check: Page, what: str) -> None:
    """A receipt or `.tlog-proof` alone waits for the entry's own text, and holds with it."""
    paper = (HELD.receipt if what == "receipt" else HELD.proof).decode()
    key = HELD.host_vkey if what == "receipt" else HELD.ledger_vkey
    fill(check, evidence=paper, keys=key)
    sees(check, "open", "Not checked yet: put in the text of the entry too.")
    fill(check, leaf=HELD.leaf.decode())
    sees(check, "holds", SENTENCE)


def test_dropped_files_find_their_boxes(check: Page, tmp_path: Path) -> None:
    """Files are sorted by what they hold; one that is nothing of the kind is named."""
    contents = {
        "wa-127.tlog-proof": HELD.proof,
        "wa-127.leaf": HELD.leaf,
        "keys.txt": f"# from the state\n{HELD.host_vkey}\n{HELD.ledger_vkey}\n".encode(),
        "opening.json": HELD.opening,
        "photo.jpg": b"\xff\xd8\xff",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    check.locator("#files").set_input_files([tmp_path / name for name in contents])
    sees(check, "holds", SENTENCE)
    expect(check.locator("#unsorted")).to_have_text("This page cannot use: photo.jpg")
    opened = check.locator(".result", has=check.get_by_role("heading", name="opened details say"))
    expect(opened.locator("dd")).to_have_text(["traffic safety", "PRACTICE-2026-0042"])


def changed(old: str, new: str) -> Callable[[Held], dict[str, str]]:
    """The bare receipt with one text in it replaced."""

    def boxes(have: Held) -> dict[str, str]:
        receipt = have.receipt.decode()
        assert old in receipt
        return {
            "evidence": receipt.replace(old, new),
            "leaf": have.leaf.decode(),
            "keys": have.host_vkey,
        }

    return boxes


FAULTS: dict[str, tuple[Callable[[Held], dict[str, str]], str]] = {
    "index": (
        changed('"index":127', '"index":126'),
        "the signature does not fit this key, so something in it was changed",
    ),
    "size": (changed('"size":130', '"size":700'), "its chain of hashes has the wrong length"),
    "beyond": (
        changed('"index":127', '"index":130'),
        "its place is not in a ledger of that size",
    ),
    "origin": (
        changed("ledger.practice.example/wa", "ledger.practice.example/or"),
        "the signature does not fit this key, so something in it was changed",
    ),
    "spaces": (
        changed('"v":1,', '"v":1, '),
        "it is not written in the exact form of its kind, so a part was changed, added or lost",
    ),
    "leaf": (
        lambda have: {
            "evidence": have.answer(leaf=b64encode(OTHER.leaf).decode()),
            "keys": have.host_vkey,
        },
        "it is the receipt of a different entry",
    ),
    "entry": (
        lambda have: {"evidence": have.answer(entry="wa/128"), "keys": have.host_vkey},
        "it stands at a different place than it says",
    ),
    "proof": (
        lambda have: {
            "evidence": have.proof.decode().replace("index 127", "index 126"),
            "leaf": have.leaf.decode(),
            "keys": have.ledger_vkey,
        },
        "it does not lead to what the ledger signed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told_with_its_reason(check: Page, fault: str) -> None:
    """What does not hold says so, and why, in the heading."""
    boxes, why = FAULTS[fault]
    given = boxes(HELD)
    fill(check, **given)
    paper = "proof" if given["evidence"].startswith("c2sp") else "receipt"
    sees(check, "fails", f"This {paper} does not hold: {why}.")


def test_key_that_is_not_right_checks_nothing(check: Page) -> None:
    """A key with a wrong letter, or of another signer, never counts as a fault of the receipt."""
    wrong = HELD.host_vkey.replace("+1133208d+", "+1133208e+")
    fill(check, evidence=HELD.answer(), keys=f"# mine\n{wrong}")
    why = "in line 2 of the keys, the key and its own number do not match, so a letter is wrong"
    sees(check, "fails", f"Nothing was checked: {why}.")
    fill(check, keys=HELD.ledger_vkey)
    sees(check, "open", "Not checked yet: none of these keys is the signer\u2019s.")
    expect(check.locator("#notes")).to_contain_text("gw-columbus-1")


def test_opening_of_another_entry_is_refused(check: Page) -> None:
    """Opened details that lead to another commitment hold nothing, though the receipt holds."""
    opening = HELD.opening.decode().replace(b64encode(b"traffic_safety").decode(), "Y291cnQ=")
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey, opening=opening)
    why = "the opened details do not belong to this entry"
    sees(check, "fails", f"The opened details do not hold: {why}.")
    expect(check.get_by_role("heading", name="opened details say")).to_have_count(0)


def test_many_receipts_are_one_sentence(check: Page) -> None:
    """An answer of several entries holds only if each does; each has its own line."""
    first, second = json.loads(HELD.answer()), json.loads(HELD.answer())
    both = json.dumps([first, second])
    fill(check, evidence=both, keys=HELD.host_vkey)
    sees(check, "holds", "All 2 receipts hold: entry wa/127 and entry wa/127.")
    second["answers"][0]["proofs"][0]["entry"] = "wa/1"
    fill(check, evidence=json.dumps([first, second]), keys=HELD.host_vkey)
    why = "it stands at a different place than it says"
    sees(check, "fails", f"1 of 2 receipts does not hold: {why}.")
    expect(check.locator("h2.each .mark")).to_have_text(["● Holds", "✕ Does not hold"])


def test_practice_and_tests_are_marked(check: Page) -> None:
    """A ledger of practice, and an entry that is no traffic, say so beside the finding."""
    expect(check.locator("#practice")).to_be_hidden()
    practice = held(disclosure(LeafMode.SHADOW), origin=PRACTICE_ORIGIN)
    fill(check, evidence=practice.answer(), keys=practice.host_vkey)
    expect(check.locator("#practice")).to_contain_text("Practice data")
    expect(check.locator("h1")).to_contain_text("it would have released status and identity")
    expect(check.locator("#notes")).to_contain_text("Nothing was released or refused by it")


def test_markup_in_a_paper_stays_text(check: Page) -> None:
    """What a receipt holds is shown as text, whatever it looks like."""
    bad = "<img src=x onerror=alert(1)>"
    fill(check, evidence=HELD.answer(entry=bad), keys=HELD.host_vkey)
    why = "it stands at a different place than it says"
    sees(check, "fails", f"This receipt does not hold: {why}.")
    expect(check.locator("img")).to_have_count(0)


def test_keyboard_alone_is_enough(check: Page) -> None:
    """From the top of the page to the finding, and back to an empty page, without a mouse."""
    keys = check.keyboard
    order = ["language", "files", "evidence", "keys"]
    for name in order:
        keys.press("Tab")
        expect(check.locator(f"#{name}")).to_be_focused()
    keys.insert_text(HELD.ledger_vkey)
    keys.press("Shift+Tab")
    keys.insert_text(HELD.proof.decode())
    for _ in range(2):
        keys.press("Tab")
    keys.press("Enter")
    keys.press("Tab")
    expect(check.locator("#leaf")).to_be_focused()
    keys.insert_text(HELD.leaf.decode())
    for _ in range(2):
        keys.press("Tab")
    expect(check.get_by_role("button", name="Check")).to_be_focused()
    keys.press("Enter")
    sees(check, "holds", SENTENCE)
    expect(check.locator("h1")).to_be_focused()


def test_clear_leaves_nothing_behind(check: Page) -> None:
    """What was put in is gone at a press, and nothing of it is stored."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    check.get_by_role("button", name="Clear").click()
    expect(check.locator("h1")).to_have_text(QUESTION)
    expect(check.locator("#results")).to_be_empty()
    kept = check.evaluate("() => [document.cookie, localStorage.length, sessionStorage.length]")
    assert kept == ["", 0, 0]


def test_spanish_says_the_same(check: Page, shoot: Shoot) -> None:
    """The page speaks Spanish at a press, the finding and the page's language included."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    check.get_by_role("button", name="Español").click()
    expect(check.locator("html")).to_have_attribute("lang", "es")
    expect(check.locator("#mark")).to_have_text("● Válido")
    expect(check.locator("h1")).to_have_text(
        "Esta es la entrada 127 del registro de Washington: el 26 de noviembre de 2026, "
        "14:00\u201315:00 UTC, entregó estado de la licencia e identidad a ORWSP0000 "
        "(fin declarado: seguridad vial), y negó foto."
    )
    shoot(check, "spanish-desk")


OPENED = {
    "Form of the record": ["exchange/1"],
    "Exchange number": ["f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"],
    "Query number": [b"sixteen bytes id".hex()],
    "Agency": ["ORWSP0000"],
    "Purpose": ["traffic safety"],
    "Offence": ["traffic"],
    "Operator": ["practice.operator"],
    "How sure the operator is known": ["asserted by the agency"],
    "Case number": ["PRACTICE-2026-0042"],
    "Legal paper": ["court order", "CO:26-114"],
    "What was looked for": ["OLN: PX204K7", "DOB: 1990-01-02"],
    "Parts released": ["LICENCE_STATUS", "NAME"],
    "Hash of the answer": [bytes(range(32)).hex()],
    "Rules applied": ["nothing"],
    "Taken in at": ["26 November 2026, 14:25:05 UTC"],
}


def shown_of(page: Page) -> dict[str, list[str]]:
    """What stands opened: each label with its lines."""
    opened = page.locator(".result", has=page.get_by_role("heading", name="wa/127)"))
    labels = opened.locator("dt").all_text_contents()
    values = [
        value.locator("li").all_text_contents() or [value.text_content() or ""]
        for value in opened.locator("dd").all()
    ]
    return dict(zip(labels, values, strict=True))


def test_opened_details_are_told_in_words(check: Page, shoot: Shoot) -> None:
    """Codes by their labels, times as times, lists as lists; numbers that are bytes as digits."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey, opening=HELD.whole.decode())
    sees(check, "holds", SENTENCE)
    assert shown_of(check) == OPENED
    shoot.fits(check, "opened")
    check.get_by_role("button", name="Español").click()
    spanish = shown_of(check)
    assert spanish["Documento legal"] == ["orden de un tribunal", "CO:26-114"]
    assert spanish["Certeza sobre el operador"] == ["lo afirma la agencia"]
    assert spanish["Recibida"] == ["26 de noviembre de 2026, 14:25:05 UTC"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("purpose", b"no such purpose", ["no such purpose"]),
        ("search", b"[[1]]", ["[[1]]"]),
        ("search", b'{"OLN":"PX"}', ['{"OLN":"PX"}']),
        ("rules", b"[]", ["nothing"]),
        ("rules", b"not json", ["not json"]),
        ("accepted_at", b"soon", ["soon"]),
        ("exchange", b"a note's own text", ["a note's own text"]),
        ("reviewer", b"<b>Reviewer</b>", ["<b>Reviewer</b>"]),
        ("case", b"\xff\xfe", ["not text; its bytes are fffe"]),
    ],
)
def test_what_has_not_its_form_is_shown_as_it_stands(
    check: Page, name: str, value: bytes, shown: list[str]
) -> None:
    """Nothing that was opened is left out, and none of it becomes markup."""
    have = held(msgspec.structs.replace(disclosure(), commitment=commit(KEY, [(name, value)])))
    opening = encode_opening(open_commitment(KEY, [(name, value)], [name])).decode()
    fill(check, evidence=have.answer(), keys=have.host_vkey, opening=opening)
    sees(check, "holds", SENTENCE)
    assert list(shown_of(check).values()) == [shown]


def test_browser_without_ed25519_says_so(page: Page) -> None:
    """Where the browser cannot check the signature, nothing holds and the page says what to do."""
    page.add_init_script(
        "SubtleCrypto.prototype.importKey = () => Promise.reject("
        "new DOMException('Unrecognized name', 'NotSupportedError'));"
    )
    page.goto(FILE.as_uri())
    sees(page, "open", "This browser cannot check receipts.")
    fill(page, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(page, "open", "This browser cannot check receipts.")
    expect(page.locator("#notes")).to_contain_text("current version of Firefox")


def test_error_of_the_page_leaves_nothing_standing(check: Page) -> None:
    """Where the page itself fails, an earlier finding is gone and nothing is said to hold."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    check.evaluate("() => { SubtleCrypto.prototype.digest = () => { throw new Error('gone'); }; }")
    fill(check, evidence=HELD.answer())
    sees(check, "open", "Not checked: this page met an error of its own.")
    expect(check.locator("#notes")).to_have_text("Error: gone")
    expect(check.locator("#results")).to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("state", ["empty", "holds", "fails"])
def test_fits_and_is_accessible(check: Page, shoot: Shoot, state: str, scheme: str) -> None:
    """At every width and in both schemes nothing overflows and axe finds no violation."""
    if state != "empty":
        have = held(origin=PRACTICE_ORIGIN)
        leaf = have.leaf if state == "holds" else OTHER.leaf
        fill(
            check,
            evidence=have.receipt.decode(),
            keys=have.host_vkey,
            leaf=leaf.decode(),
            opening=have.opening.decode() if state == "holds" else "",
        )
        expect(check.locator("#finding")).to_have_class(state)
    shoot.fits(check, f"receipt-{state}-{scheme}")


def test_served_page_asks_for_nothing_more(page: Page) -> None:
    """Served by anyone, the page is one request; it checks with the network off from then on."""
    asked: list[str] = []

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(FILE.read_bytes())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Serve) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/check-receipt.html")
        page.context.set_offline(True)
        fill(page, evidence=HELD.answer(), keys=HELD.host_vkey)
        sees(page, "holds", SENTENCE)
        server.shutdown()
    assert asked == ["/check-receipt.html"]


def test_words_are_plain(check: Page) -> None:
    """What the page says in its own words asks for nine years of school at most."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    own = check.locator("li, .hint, label, #notes p, footer p:first-child")
    assert grade(". ".join(own.all_inner_texts())) <= GRADE_MAX
    for _, why in FAULTS.values():
        assert grade(f"This receipt does not hold: {why}.") <= GRADE_MAX


def test_print_shows_the_finding_alone(check: Page, shoot: Shoot) -> None:
    """On paper stand the finding and its checks; the form does not."""
    fill(check, evidence=HELD.answer(), keys=HELD.host_vkey)
    sees(check, "holds", SENTENCE)
    check.emulate_media(media="print")
    expect(check.locator("h1")).to_be_visible()
    expect(check.locator("#results")).to_be_visible()
    expect(check.locator("#form")).to_be_hidden()
    shoot(check, "print")
