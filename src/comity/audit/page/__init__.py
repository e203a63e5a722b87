"""The page that checks a receipt: one HTML file, for any current browser, without a network.

Guarantee: what is returned is the file that stands in the repository; scripts/receipt_page.py makes
it from the modules beside it, and a test compares.
Source: docs/adr/0023-receipt-page.md.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = ["receipt_page"]


def receipt_page() -> bytes:
    """Return the page's bytes."""
    return files("comity.audit.page").joinpath("check-receipt.html").read_bytes()
