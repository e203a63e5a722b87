"""How a page looks at the widths that people have: its pictures, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.support.browser import HEIGHT, WIDTHS, axe_violations, overflow
from tests.support.golden import Golden

__all__ = ["Shoot"]


class Shoot:
    """Keeps whole pages' pictures in a folder; what there is a golden picture of is compared."""

    def __init__(self, folder: Path, golden: Golden) -> None:
        self._folder = folder
        self._golden = golden

    def __call__(self, page: Page, name: str) -> Path:
        """Keep a page's picture as it stands; return where."""
        path = self._folder / f"{name}.png"
        page.screenshot(path=path, full_page=True, animations="disabled")
        self._golden.look(page, name)
        return path

    def faults(self, page: Page, name: str) -> list[str]:
        """What overflows at any width and what axe finds; the pictures are NAME-desk and -phone.

        A page is loaded once and made narrower: what it looks like follows from styles alone. The
        narrowest one has a phone's layout, so axe looks at it there, and the picture is a phone's.
        """
        found = []
        for width, pixels in WIDTHS.items():
            page.set_viewport_size({"width": pixels, "height": HEIGHT})
            beyond = overflow(page)
            if beyond:
                found.append(f"{name} at {pixels}: {beyond} px beyond the window")
            if width != "narrow":
                self(page, f"{name}-{width}")
            if width != "phone":
                found += [f"{name} at {pixels}: {each}" for each in axe_violations(page)]
        page.set_viewport_size({"width": WIDTHS["desk"], "height": HEIGHT})
        return found

    def fits(self, page: Page, name: str) -> None:
        """Fail if anything overflows at any width, or axe finds anything."""
        found = self.faults(page, name)
        assert not found, "\n".join(found)
