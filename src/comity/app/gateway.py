"""One gateway, joined from its services and adapters: each part is made once, when first asked for.

Which part stands on which can be read off its own lines; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Final

from comity.adapters.part_signer import FilePartSigner
from comity.adapters.postgres.store import PostgresStore
from comity.app.events import make_events
from comity.app.ground import GatewayGround
from comity.app.outside import Outside
from comity.app.own_rosters import OwnRosters
from comity.app.review import OfStates, ReviewParts
from comity.app.rules import RuleParts
from comity.app.source import open_source
from comity.app.state_files import calendars_of, own_plantings, own_shares
from comity.app.wire import open_bus
from comity.app.witness import open_witnesses, quorum_of
from comity.domain.ids import Member
from comity.domain.keys import Handling
from comity.front.http import HttpServer, LineSwitch
from comity.front.line import LineServer
from comity.review.calendars import Calendar
from comity.roles.certificates import server_context, tls_files
from comity.roles.engines.nats import gateway_user
from comity.roles.gateway import FoundingPapers, Gateway, GatewayParts, GatewayPorts
from comity.roles.host_files import HostFiles
from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings
from comity.services.accesses import Accesses
from comity.services.answer import AnswerFace
from comity.services.archive import ArchiveDesk
from comity.services.asking import Asking
from comity.services.budgets import Budgets
from comity.services.certifications import Certifications
from comity.services.commands import Commands
from comity.services.deciding import Deciding
from comity.services.deliveries import Deliveries
from comity.services.desks import Desks
from comity.services.directory_desk import DirectoryDesk
from comity.services.drill import Drill
from comity.services.founding import Founding
from comity.services.intake import Intake
from comity.services.keeping_desk import KeepingDesk
from comity.services.mailroom import Mailroom
from comity.services.origin import OriginFace
from comity.services.previews import Previews
from comity.services.private_records import Records
from comity.services.publishing import PartPublisher
from comity.services.quotas import Quotas
from comity.services.replies import Replies
from comity.services.reveals import Reveals
from comity.services.rollup import RollUp
from comity.services.roster_changes import RosterChanges
from comity.services.rosters import Rosters
from comity.services.service_board import ServiceBoard
from comity.services.verdict import ReviewDesk

__all__ = ["GatewayBuilder"]

_LOOPBACK: Final = "127.0.0.1"


class GatewayBuilder(GatewayGround):
    """Builds the gateway of an installation's host over what is open already."""

    @cached_property
    def gateway(self) -> Gateway:
        """The whole."""
        return Gateway(
            GatewayParts(
                host=self._host,
                seal_private=self._files.seal_key(),
                world=self._world,
                store=self._store,
                bus=self._bus,
                clock=self._clock,
                sequencer=self._sequencer,
                courier=self._courier,
                checkpoints=self._checkpoints,
                succession=self._succession,
                founding=self._founding,
                health=self._health,
                deliveries=self._deliveries,
                asking=self._asking,
                origin=self._origin,
                previews=self._previews,
                answer=self._answer,
                board=self._board,
                archive=self._archive,
                keeping=self._keeping,
                reveals=self._reveals,
                rulebook=self._rules.rulebook,
                recheck=self._rules.recheck,
                review=self._review.commands,
                claims=self._review.claims,
                plantings=self._review.plantings,
                onward=self._review.onward,
                appeals=self._review.appeals,
                certifications=self._certifications,
                roster_changes=RosterChanges(
                    store=self._store,
                    rosters=self._rosters,
                    clock=self._clock,
                    events=self._events,
                ),
                demands=self._review.demands,
                commands=self._commands,
                lines=self._line_server,
                http=self._http_server,
                events=self._events,
                papers=FoundingPapers(
                    parts=self._files.founding_parts(), policies=self._files.founding_policies()
                ),
                listen_on=(
                    _LOOPBACK,
                    GatewayPorts(line=self._settings.line_port, http=self._settings.http_port),
                ),
                checkpoint_s=self._settings.checkpoint_s,
            )
        )

    # Agencies' lines, and what is asked on them.

    @cached_property
    def _line_server(self) -> LineServer:
        return LineServer(
            events=self._events,
            ssl_context=server_context(tls_files(self._settings.data_dir / "tls", "server")),
            is_practice=self._settings.is_practice,
        )

    @cached_property
    def _http_server(self) -> HttpServer:
        return HttpServer(
            events=self._events,
            ssl_context=server_context(tls_files(self._settings.data_dir / "tls", "server")),
            is_practice=self._settings.is_practice,
        )

    @cached_property
    def _lines(self) -> LineSwitch:
        return LineSwitch(tcp=self._line_server, http=self._http_server.lines)

    @cached_property
    def _deliveries(self) -> Deliveries:
        return Deliveries(
            store=self._store,
            vault=self._vault,
            lines=self._lines,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _asking(self) -> Asking:
        asking = Asking(
            world=self._world,
            courier=self._courier,
            lines=self._lines,
            deliveries=self._deliveries,
            open_queries=self._open,
            clock=self._clock,
            events=self._events,
            network=self._network,
        )
        self._courier.when_unheard(asking.unheard)
        return asking

    @cached_property
    def _origin(self) -> OriginFace:
        origin = OriginFace(
            world=self._world,
            store=self._store,
            sequencer=self._sequencer,
            asking=self._asking,
            lines=self._lines,
            deliveries=self._deliveries,
            replay=self._replay,
            open_queries=self._open,
            clock=self._clock,
            entropy=self._entropy,
            events=self._events,
            network=self._network,
            undeliverable_s=self._settings.undeliverable_s,
            merge_s=self._settings.merge_s,
        )
        self._review.own.when_sent(origin.send_own)
        return origin

    @cached_property
    def _previews(self) -> Previews:
        return Previews(
            world=self._world,
            intake=Intake(world=self._world, sequencer=self._sequencer),
            deciding=self._deciding,
            accesses=Accesses(self._sequencer, self._clock, self._entropy),
            clock=self._clock,
            entropy=self._entropy,
        )

    # What answers.

    @cached_property
    def _board(self) -> ServiceBoard:
        return ServiceBoard(store=self._store, clock=self._clock, events=self._events)

    @cached_property
    def _archive(self) -> ArchiveDesk:
        return ArchiveDesk(
            world=self._world,
            store=self._store,
            rows=self._rows,
            vault=self._vault,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _reveals(self) -> Reveals:
        return Reveals(
            world=self._world,
            store=self._store,
            rows=self._rows,
            vault=self._vault,
            sequencer=self._sequencer,
            clock=self._clock,
            entropy=self._entropy,
            events=self._events,
        )

    @cached_property
    def _founding(self) -> Founding:
        return Founding(
            world=self._world,
            sequencer=self._sequencer,
            root=self._files.trust_root(),
            clock=self._clock,
            entropy=self._entropy,
        )

    @cached_property
    def _rules(self) -> RuleParts:
        return RuleParts(
            world=self._world,
            store=self._store,
            records=Records(self._store, self._vault),
            sequencer=self._sequencer,
            recheck_percent=self._settings.recheck_percent,
            rosters=self._rosters,
            clock=self._clock,
            entropy=self._entropy,
            events=self._events,
        )

    @cached_property
    def _publisher(self) -> PartPublisher:
        return PartPublisher(
            world=self._world,
            store=self._store,
            founding=self._founding,
            sequencer=self._sequencer,
            root=self._files.trust_root(),
            signer=FilePartSigner(self._files.member_keys),
        )

    @cached_property
    def _desks(self) -> Desks:
        return Desks(
            world=self._world,
            records=self._source,
            others={
                Handling.STATUS: self._board,
                Handling.ARCHIVE: self._archive,
                Handling.DIRECTORY: DirectoryDesk(
                    world=self._world,
                    store=self._store,
                    publisher=self._publisher,
                    events=self._events,
                ),
            },
        )

    @cached_property
    def _mailroom(self) -> Mailroom:
        return Mailroom(
            world=self._world,
            store=self._store,
            sequencer=self._sequencer,
            courier=self._courier,
            deliveries=self._deliveries,
            vault=self._vault,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _deciding(self) -> Deciding:
        return Deciding(
            world=self._world,
            source=self._desks,
            mailroom=self._mailroom,
            passes=self._review.passes,
            instruments=self._review.instruments,
            urgent=self._review.urgent,
            claims=self._review.claims,
            quotas=self._quotas,
            onward=self._review.onward,
            appeals=self._review.appeals,
            replies=Replies(store=self._store, vault=self._vault, events=self._events),
            recheck=self._rules.recheck,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _budgets(self) -> Budgets:
        return Budgets(
            world=self._world,
            store=self._store,
            vault=self._vault,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _quotas(self) -> Quotas:
        return Quotas(
            world=self._world,
            store=self._store,
            vault=self._vault,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _review(self) -> ReviewParts:
        return ReviewParts(
            self._world,
            (self._store, self._rows),
            (self._vault, self._sequencer, self._health),
            (self._clock, self._entropy, self._events),
            wanted=OfStates(
                shares=own_shares(self._settings),
                plantings=own_plantings(self._settings),
                roster_of=self._own_rosters.roster,
                calendars=self._calendars,
            ),
        )

    @cached_property
    def _calendars(self) -> Callable[[Member], Calendar]:
        return calendars_of(self._settings)

    @cached_property
    def _calendar(self) -> Callable[[Member], Calendar]:
        return calendars_of(self._settings)

    @cached_property
    def _rosters(self) -> Rosters:
        roster_of = self._own_rosters.roster
        return Rosters(world=self._world, roster_of=roster_of, events=self._events)

    @cached_property
    def _own_rosters(self) -> OwnRosters:
        return OwnRosters(self._settings, self._events)

    @cached_property
    def _certifications(self) -> Certifications:
        return Certifications(
            world=self._world,
            sequencer=self._sequencer,
            health=self._health,
            calendars=self._calendars,
            own=self._review.own,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _answer(self) -> AnswerFace:
        return AnswerFace(
            world=self._world,
            budgets=self._budgets,
            deciding=self._deciding,
            sequencer=self._sequencer,
            courier=self._courier,
            replay=self._replay,
            mailroom=self._mailroom,
            board=self._board,
            rosters=self._rosters,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _desk(self) -> ReviewDesk:
        return ReviewDesk(
            world=self._world,
            store=self._store,
            source=self._desks,
            sequencer=self._sequencer,
            courier=self._courier,
            vault=self._vault,
            mailroom=self._mailroom,
            instruments=self._review.instruments,
            rosters=self._rosters,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _commands(self) -> Commands:
        return Commands(
            world=self._world,
            store=self._store,
            rows=self._rows,
            desk=self._desk,
            publisher=self._publisher,
            rulebook=self._rules.rulebook,
            freezes=self._rules.freezes,
            certifier=self._rules.certifier(
                Drill(self._world, self._answer, self._clock, self._entropy), self._sign_key
            ),
            succession=self._succession,
            keeping_desk=KeepingDesk(self._keeping),
            rollup=RollUp(
                world=self._world,
                store=self._store,
                rows=self._rows,
                vault=self._vault,
                clock=self._clock,
                events=self._events,
            ),
            review=self._review.commands,
            sequencer=self._sequencer,
            checkpoints=self._checkpoints,
            cosignatures=self._cosignatures,
            segments=self._segments,
            clock=self._clock,
            entropy=self._entropy,
            events=self._events,
        )


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Build, start and, at the end, stop the gateway of this installation's host."""
    events = make_events("gateway")
    files = HostFiles(settings.data_dir)
    quorum = quorum_of(settings)
    store = await PostgresStore.open(database_url(settings, DatabaseRole.GATEWAY))
    try:
        user = gateway_user(files.host_name())
        async with (
            open_bus(settings, user, events) as bus,
            open_source(settings, store, events) as source,
            open_witnesses(quorum) as witnesses,
        ):
            outside = Outside(
                store=store, bus=bus, source=source, quorum=quorum, witnesses=witnesses
            )
            gateway = GatewayBuilder(settings, files, outside, events).gateway
            ports = await gateway.start()
            events.note("gateway_ready", port=ports.line, http_port=ports.http)
            try:
                yield gateway
            finally:
                await gateway.stop()
    finally:
        await store.close()
