"""An export holds exactly a ledger's documents, the checkpoint last, and only if they fit it."""

from __future__ import annotations

import pytest

from comity.ledger.errors import ExportError, NoteUnverifiedError
from comity.ledger.export import export_tree
from comity.ledger.note import encode_vkey, sign_note
from comity.ledger.tile import (
    BundleId,
    bundle_path,
    bundles_of,
    decode_bundle,
    tile_path,
    tiles_of,
)
from tests.support.ledger import (
    entries_of,
    exported,
    ledger_signer,
    signed_checkpoint,
    tile_documents,
    witness_signer,
)

KEY = ledger_signer().key


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 1_000])
def test_documents_are_those_of_the_size(size: int) -> None:
    """Every bundle and tile of the size is there, nothing else, with the tree's own bytes."""
    entries = entries_of(size)
    documents = exported(entries)
    tiles = {tile_path(tile): data for tile, data in tile_documents(entries).items()}
    bundles = {bundle_path(bundle): bundle for bundle in bundles_of(size)}
    assert set(documents) == {*tiles, *bundles, "vkey", "checkpoint"}
    assert {tile_path(tile) for tile in tiles_of(size)} == set(tiles)
    assert all(documents[path] == data for path, data in tiles.items())
    read = [e for p, b in bundles.items() for e in decode_bundle(documents[p], b.width)]
    assert read == entries
    assert documents["vkey"] == f"{encode_vkey(KEY)}\n".encode()


def test_checkpoint_comes_last() -> None:
    """Whoever publishes in this order never shows a checkpoint whose tiles are not there."""
    paths = list(exported(entries_of(600)))
    assert paths[-2:] == ["vkey", "checkpoint"]


@pytest.mark.parametrize("entries", [entries_of(299), entries_of(301), entries_of(300)[::-1], []])
def test_other_entries_than_signed_give_no_checkpoint(entries: list[bytes]) -> None:
    """Entries that make another tree than the signed one never yield a checkpoint."""
    seen: list[str] = []
    with pytest.raises(ExportError):
        seen.extend(path for path, _ in export_tree(entries, CHECKPOINT, KEY))
    assert "checkpoint" not in seen


CHECKPOINT = signed_checkpoint(entries_of(300))


def test_checkpoint_by_another_key_gives_no_document() -> None:
    """A checkpoint that the ledger's key did not sign is refused before anything is written."""
    other = witness_signer()
    with pytest.raises(NoteUnverifiedError):
        next(export_tree(entries_of(300), CHECKPOINT, other.key))
    signer = ledger_signer("log.example/oh")
    elsewhere = sign_note(CHECKPOINT.split(b"\n\n")[0] + b"\n", signer.key, signer)
    with pytest.raises(NoteUnverifiedError):
        next(export_tree(entries_of(300), elsewhere, signer.key))


def test_withdrawn_entry_leaves_its_bundle_out() -> None:
    """A withdrawn entry takes its bundle with it; tiles and root stay as they were."""
    whole = exported(entries_of(600))
    partial = exported(entries_of(600), lambda index: index == 300)
    gone = bundle_path(BundleId(index=1))
    assert set(whole) - set(partial) == {gone}
    assert all(whole[path] == data for path, data in partial.items())
