"""A trust root is read from a short text, and nothing ambiguous in it is accepted."""

from __future__ import annotations

import pytest

from comity.directory.errors import TrustRootError
from comity.directory.limits import TRUST_BYTES_MAX
from comity.directory.trust import TrustRoot, encode_trust_root, parse_trust_root
from tests.support.directory import NE, OH, TX, trust

KEY = "A" * 43 + "="


def test_a_trust_root_comes_back_as_it_was() -> None:
    """Parsing what was encoded gives the same keys, members in order."""
    root = trust(TX, OH, NE)
    text = encode_trust_root(root)
    assert parse_trust_root(text) == root
    assert [line[:2] for line in text.splitlines()[1:]] == ["ne", "oh", "tx"]


def test_an_operator_may_annotate_the_file() -> None:
    """Blank lines and comment lines say nothing."""
    root = parse_trust_root(f"# pinned by phone\n\ncomity/trust/v1\n# Texas\n tx {KEY}\n")
    assert root == TrustRoot(keys={TX: bytes(32)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "comity/trust/v2\n",
        f"tx {KEY}\n",
        f"comity/trust/v1\ntx {KEY}\ntx {KEY}\n",
        f"comity/trust/v1\nzz {KEY}\n",
        f"comity/trust/v1\nTX {KEY}\n",
        "comity/trust/v1\ntx\n",
        "comity/trust/v1\ntx AAAA\n",
        "comity/trust/v1\ntx " + "A" * 42 + "B=\n",
        "comity/trust/v1\ntx " + "é" * 44 + "\n",
        f"comity/trust/v1\ntx  {KEY}\n",
        "#" * (TRUST_BYTES_MAX + 1),
    ],
)
def test_anything_ambiguous_is_refused(text: str) -> None:
    """No head, a member twice or unknown, a key that is not 32 bytes: the whole file is refused."""
    with pytest.raises(TrustRootError):
        parse_trust_root(text)
