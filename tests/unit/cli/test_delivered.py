"""Tests for what a JSON requester is delivered, read and written again."""

from __future__ import annotations

import json

from comity.cli.messages import Form, bytes_of, document_of


def test_json_answer_survives() -> None:
    """A delivered JSON answer is written again byte for byte."""
    head = {
        "key": "DR",
        "origin": "WAOLN0000",
        "received": {"time": "08:00", "date": "01/01/2026", "count": 1},
        "sent": {"time": "08:00", "date": "01/01/2026", "count": 2},
        "destination": "TXPX001PD",
        "text": "WA: HELD FOR REVIEW",
    }
    answer = {
        "exchange_id": "00" * 16,
        "state": "wa",
        "step": 0,
        "key": "DR",
        "response": "held",
        "is_final": False,
    }
    data = json.dumps({"delivery": head, "answer": answer}, separators=(",", ":")).encode()
    document = document_of(data)
    assert document["answer"] == answer
    assert bytes_of(document, Form.JSON) == data
