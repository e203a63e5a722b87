"""Where a request came from, behind those that end TLS in front of the console.

Guarantee: only a front that is configured is believed, and only about the hop before it. What it
does not say plainly stays the front's own address: all who came through it are then one source.
Source: docs/adr/0037-signing-in.md, "Decision: who is a source".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import islice
from typing import Final

__all__ = ["Fronts"]

_FORWARDED: Final = b"x-forwarded-for"
_HOPS_MAX: Final = 8


class Fronts:
    """The addresses and networks from which a request may say whom it is handed on for."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def source_of(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the address that a request counts for: the last one that is no front."""
        if not self._networks or not self._has(peer):
            return peer
        source = peer
        for said in islice(_handed_on(headers), _HOPS_MAX):
            address = _address(said)
            if address is None:
                break
            source = str(address)
            if not self._has(source):
                break
        return source

    def _has(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def _handed_on(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """Give the addresses that fronts wrote down, the nearest first."""
    lines = [value for name, value in headers if name == _FORWARDED]
    for part in reversed(b",".join(lines).split(b",")):
        yield part.strip().decode("latin-1")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    wrapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return wrapped or address
