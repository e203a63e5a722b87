"""Certificates: the gateway signs what it finds itself of the rules in force, not what it is told.

    1. the rules in force, the directory, and the `policy` leaf that put them there
    2. guarantees: each proved twice, now; a block: its clause stands, and is drilled, now
    3. all of it still in force? then it is signed by the host's key, over the three digests

Guarantee: a certificate says what was so when it was signed, also where that is that a guarantee is
broken, or that a probe was not refused.
Source: docs/adr/0032-second-proof-and-certificates.md, "Certificates".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from comity.directory.certificate import CertificateSigner, sign_certificate
from comity.directory.directory import Directory
from comity.domain.certificate import (
    Certificate,
    CertificateKind,
    CertifiedBlock,
    CertifiedGuarantee,
    CertifiedProbe,
    encode_certificate,
)
from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name
from comity.policy import CompiledPolicy, Rule
from comity.policy.block import standing_block
from comity.policy.certified import Stands, families_digest, vocabularies_digest
from comity.policy.errors import BlockError
from comity.policy.families import label_of_agency
from comity.policy.guarantee import guarantees_in_force
from comity.policy.rule import Guarantee
from comity.policy.space import Asker
from comity.ports import Clock, SolverOf
from comity.services.drill import Drill
from comity.services.member import World, askers_of
from comity.services.private_records import Records
from comity.services.proving import prove_twice

__all__ = ["Certifier", "RulesMovedError", "stands_over"]

_NS: Final = 1_000_000_000
_PUBLISHED_AT: Final = "published_at"


class RulesMovedError(ComityError):
    """Rules or directory changed while they were to be certified: try again."""

    code = "policy-moved"


def stands_over(
    rules: bytes,
    all_rules: Sequence[Rule],
    guarantees: Sequence[Guarantee],
    askers: Sequence[Asker],
) -> Stands:
    """Return what a certificate over these rules, whose digest is `rules`, stands over."""
    conditions = [each for rule in all_rules for each in (rule.when, *rule.unless)]
    conditions += [each for promise in guarantees for each in (promise.when, *promise.unless)]
    return Stands(
        rules=rules,
        families=families_digest(askers, conditions),
        vocabularies=vocabularies_digest(),
    )


class Certifier:
    """Signs certificates for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        owns: Callable[[Member], bool],
        records: Records,
        drill: Drill,
        solver: SolverOf,
        signer: CertificateSigner,
        clock: Clock,
    ) -> None:
        self._world = world
        self._owns = owns
        self._records = records
        self._drill = drill
        self._solver = solver
        self._signer = signer
        self._clock = clock

    async def certify(self, member: Member, family: str = "") -> bytes:
        """Return a certificate of the guarantees in force, or of a family's block.

        Raises: BlockError if the family is not blocked, ProbeError, RulesMovedError, NoPolicyError,
        RecordGoneError, StoreDownError.
        """
        if not self._owns(member):
            raise RulesMovedError("the ledger of this state is not written by this gateway")
        index, policy = self._world.policy(member)  # (1)
        directory = self._world.directory
        askers = askers_of(self._world)
        guarantees: tuple[CertifiedGuarantee, ...] = ()
        block = None
        if family:  # (2)
            block = await self._block(member, family, index, policy)
        else:
            guarantees = await asyncio.to_thread(self._guarantees, policy, askers)
        self._check_unmoved(member, policy, directory)  # (3)
        part = directory.part(member)
        stands = stands_over(
            policy.digest, policy.rules, guarantees_in_force(policy.bundle), askers
        )
        certificate = Certificate(
            version=1,
            kind=CertificateKind.BLOCK if block else CertificateKind.GUARANTEES,
            state=member,
            practice=part is not None and part.practice,
            at=self._clock.now_ns() // _NS,
            entry=entry_name(member, index),
            policy_version=policy.bundle.version,
            rules=stands.rules,
            families=stands.families,
            vocabularies=stands.vocabularies,
            guarantees=guarantees,
            opted_out=() if block else policy.bundle.guarantee_opt_outs,
            block=block,
        )
        return encode_certificate(sign_certificate(certificate, self._world.host, self._signer))

    def _check_unmoved(self, member: Member, policy: CompiledPolicy, directory: Directory) -> None:
        if self._world.policy(member)[1] is not policy or self._world.directory is not directory:
            raise RulesMovedError("rules or directory changed meanwhile: try again")

    def _guarantees(
        self, policy: CompiledPolicy, askers: Sequence[Asker]
    ) -> tuple[CertifiedGuarantee, ...]:
        promised = guarantees_in_force(policy.bundle)
        solver = self._solver(policy.rules, askers)
        proved = prove_twice(policy.rules, promised, askers, solver)
        return tuple(
            CertifiedGuarantee(
                id=guarantee.id,
                sentence=guarantee.sentence,
                holds=each.holds,
                solver=each.solver,
                examined=each.examined,
                broken=each.broken,
            )
            for guarantee, each in zip(promised, proved, strict=True)
        )

    async def _block(
        self, member: Member, family: str, index: int, policy: CompiledPolicy
    ) -> CertifiedBlock:
        bundle = policy.bundle
        rule = standing_block(bundle, family)
        if rule is None:
            raise BlockError(f"no block of `{family}` is in force")
        _, record = await self._records.read(member, index)
        since = int(dict(record.fields).get(_PUBLISHED_AT) or 0)
        probes = await self._drill.run(member, family)
        waits = (each.until for each in bundle.unconfirmed if each.rule == rule.id)
        return CertifiedBlock(
            family=family,
            agencies=label_of_agency(family),
            authority=rule.statute.cite,
            rule=rule.id,
            effect=rule.effect,
            since=since,
            unconfirmed_until=next(waits, None),
            probes=tuple(
                CertifiedProbe(
                    agency=probe.agency, key=probe.key, outcome=probe.response, entry=probe.entry
                )
                for probe in probes
            ),
        )
