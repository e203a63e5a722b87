"""Each state its own source: a look-up goes to the one that its state, or state and key, is given.

Guarantee: sources are asked at the same time, each under its own limits; what one raises, or how
long it takes, is its own look-ups' affair. A look-up without a route is unknown, never "no record".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from comity.adapters.sources.http import HttpSource, SourceEvents
from comity.adapters.sources.terms import BUILT_IN, SourcesFile
from comity.domain.ids import Member
from comity.domain.keys import MessageKey, listed_key
from comity.ports import OWN_LANE, Clock, Lookup, Record, Source, SourceError

__all__ = ["RoutedSource", "Routes", "open_sources"]

Routes = Mapping[tuple[Member, MessageKey | None], Source]
"""Sources by state and key; None stands for every key of the state without a route of its own."""

_Found = Record | SourceError | None


class RoutedSource:
    """Asks each look-up's own source; `otherwise` is asked what has no route, if it is given."""

    def __init__(
        self, routes: Routes, events: SourceEvents, otherwise: Source | None = None
    ) -> None:
        self._routes = routes
        self._otherwise = otherwise
        self._events = events

    def lane(self, lookup: Lookup) -> str:
        """Return the lane of the look-up's source; the host's own where there is none to ask."""
        source = self._source(lookup)
        return OWN_LANE if source is None else source.lane(lookup)

    async def find(self, lookups: Sequence[Lookup]) -> list[_Found]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        groups: dict[int, tuple[Source, list[int]]] = {}
        results: list[_Found] = [SourceError("no source is given for this look-up")] * len(lookups)
        for place, lookup in enumerate(lookups):
            source = self._source(lookup)
            if source is not None:
                groups.setdefault(id(source), (source, []))[1].append(place)
        found = await asyncio.gather(
            *(self._ask(source, [lookups[p] for p in places]) for source, places in groups.values())
        )
        for (_, places), part in zip(groups.values(), found, strict=True):
            for place, result in zip(places, part, strict=True):
                results[place] = result
        return results

    async def close(self) -> None:
        """End every web service's requests and connections."""
        for source in {id(s): s for s in self._routes.values()}.values():
            if isinstance(source, HttpSource):
                await source.close()

    def _source(self, lookup: Lookup) -> Source | None:
        own = self._routes.get((lookup.state, listed_key(lookup.key)))
        return own or self._routes.get((lookup.state, None)) or self._otherwise

    async def _ask(self, source: Source, lookups: Sequence[Lookup]) -> Sequence[_Found]:
        try:
            return await source.find(lookups)
        except Exception as error:  # noqa: BLE001 - one source's failure is not another's
            self._events.failure("source_raised", error)
            return [SourceError("the source did not answer")] * len(lookups)


def open_sources(
    file: SourcesFile, built_in: Source, clock: Clock, events: SourceEvents
) -> RoutedSource:
    """Return the router that a sources file describes.

    A service that several states share is one source for each of them: limits, connections and
    breaker are the state's own. Raises: SourcesFileError.
    """
    opened: dict[tuple[str, Member], Source] = {}
    routes: dict[tuple[Member, MessageKey | None], Source] = {}
    for route in file.route:
        for state, key in route.places():
            source = built_in
            if route.source != BUILT_IN:
                at = (route.source, state)
                if at not in opened:
                    terms = file.source[route.source]
                    opened[at] = HttpSource(f"{route.source}/{state}", terms, clock, events)
                source = opened[at]
            routes[state, key] = source
    return RoutedSource(routes, events, built_in if file.otherwise else None)
