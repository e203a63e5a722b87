"""The built assets: each name leads to the bytes that were built, from the sources beside them."""

from __future__ import annotations

import gzip
import json
import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from comity.console import assets
from comity.console.assets import (
    STATIC_PATH,
    AssetChangedError,
    asset_url,
    check_assets,
    find_asset,
)

ROOT = Path(__file__).resolve().parents[3]
FRONTEND = ROOT / "frontend"
STATIC = files("comity.console").joinpath("static")
MANIFEST = json.loads(STATIC.joinpath("manifest.json").read_text("utf-8"))
FIRST_PAGE_BYTES_MAX = 180_000
HTML_BYTES_MAX = 12_000
"""What is kept of the first page for its HTML, compressed; the patterns take 2 to 3 KB."""


def test_plain_name_leads_to_its_asset() -> None:
    """A plain name has an address whose last part is a hashed name, under which its bytes are."""
    url = asset_url("console.css")
    assert url is not None
    path = url.removeprefix(STATIC_PATH)
    assert re.fullmatch(r"console\.[0-9a-f]{10}\.css", path)
    found = find_asset(path)
    assert found is not None
    assert found.media_type == "text/css; charset=utf-8"
    assert sha256(found.content).hexdigest().startswith(path.split(".")[1])


@pytest.mark.parametrize(
    "name",
    ["", "console.css", "manifest.json", "VENDOR.md", "../assets.py", "console.0000000000.css"],
)
def test_unknown_name_leads_nowhere(name: str) -> None:
    """Only what the manifest names is served: no plain name, no other file, no way out."""
    assert find_asset(name) is None
    assert asset_url("console.0000000000.css") is None


def test_every_asset_is_the_one_that_was_built() -> None:
    """All files have the manifest's hashes, and nothing else stands beside them."""
    check_assets()
    paths = {entry["path"] for entry in MANIFEST["files"].values()}
    others = {"manifest.json", "VENDOR.md"}
    others |= {f"LICENSE-{name}" for name in ("uswds.md", "htmx.txt", "fonts.txt")}
    assert {each.name for each in STATIC.iterdir()} == paths | others


def test_changed_asset_is_refused() -> None:
    """Bytes other than those that were built are an error, not a page."""
    entry = assets._manifest().files["console.js"]
    content = STATIC.joinpath(entry.path).read_bytes()
    assert assets._checked(entry, content).content == content
    with pytest.raises(AssetChangedError) as caught:
        assets._checked(entry, content + b"\n")
    assert caught.value.code == "asset-changed"


def test_sources_are_those_that_were_built() -> None:
    """A source that was changed without a build is found, and so is one that the build skipped."""
    made_from = MANIFEST["made_from"]
    for name, digest in made_from.items():
        found = sha256((FRONTEND / name).read_bytes()).hexdigest()
        assert found == digest, f"{name} was changed: run `python scripts/assets.py`"
    there = {
        path.relative_to(FRONTEND).as_posix()
        for path in FRONTEND.rglob("*")
        if path.is_file() and "node_modules" not in path.parts
    }
    assert there == made_from.keys()


def test_lock_names_hashes_and_no_place() -> None:
    """Every package is locked to a hash, and none to an address that it is fetched from."""
    lock = json.loads((FRONTEND / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 5
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_style_sheet_asks_for_its_own_files_alone() -> None:
    """Each address in the style sheet is one of a built file beside it."""
    style = STATIC.joinpath(MANIFEST["files"]["console.css"]["path"]).read_text("utf-8")
    asked = set(re.findall(r"url\(([^)]*)\)", style))
    assert asked == {
        entry["path"] for name, entry in MANIFEST["files"].items() if name.endswith("woff2")
    }
    assert "@import" not in style


def test_vendored_files_are_named_with_their_hash() -> None:
    """What others made stands in VENDOR.md with version, licence and hash."""
    vendor = STATIC.joinpath("VENDOR.md").read_text("utf-8")
    for name, entry in MANIFEST["files"].items():
        assert (entry["sha256"] in vendor) == (name != "console.js"), name
    assert "OPEN FONT LICENSE" in STATIC.joinpath("LICENSE-fonts.txt").read_text("utf-8")


def test_first_page_is_small() -> None:
    """All that a first visit fetches is below its limit, as it goes over the wire."""
    total = HTML_BYTES_MAX
    for entry in MANIFEST["files"].values():
        content = STATIC.joinpath(entry["path"]).read_bytes()
        is_packed = entry["path"].endswith("woff2")
        total += len(content) if is_packed else len(gzip.compress(content, 9, mtime=0))
    assert total <= FIRST_PAGE_BYTES_MAX, total
