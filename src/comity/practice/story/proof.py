"""What is left to check: receipts and exported ledgers."""

from __future__ import annotations

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import Member, wire_of_member
from comity.practice.story.teller import (
    POLICE,
    Teller,
    check_is,
    expect,
)

__all__ = [
    "checkpoints_cosigned",
    "exports_verified",
    "flipped_byte_found",
    "fork_refused_by_witness",
    "ledger_read_over_http",
    "old_backup_refused",
    "receipts_verified",
]


async def old_backup_refused(tell: Teller) -> str:
    """The database is put back to an old copy: ledgers that grew since are refused, and say why."""
    await tell.stage.keep_backup()
    await _ask_ohio(tell)
    grown = await tell.stage.ledger_size(Member("oh"))
    seen = await tell.stage.restore_backup(Member("oh"))
    await tell.stage.end_backup()
    expect(seen.size < grown, f"the copy is no older: {seen.size} leaves of {grown}")
    expect(Member("oh") in seen.refused, "the gateway took up an old backup")
    expect("smaller than what was signed" in seen.said, f"the gateway said: {seen.said}")
    expect(Member("wa") not in seen.refused, "a ledger that did not grow since was refused")
    expect(await tell.stage.ledger_size(Member("oh")) == grown, "leaves were lost")
    answer = await _ask_ohio(tell)
    return (
        f"an old copy of the database had {seen.size} of Ohio's {grown} leaves: the gateway "
        f"refused the ledger ({seen.said}); with the newer one back, Ohio answered as "
        f"{answer.proofs[0].entry}"
    )


async def _ask_ohio(tell: Teller) -> Answer:
    answer = await tell.ask(POLICE, "DQ", "oh", [("OLN", tell.anchor("oh").driver.oln)])
    check_is(answer, ResponseKind.HIT)
    return answer


async def flipped_byte_found(tell: Teller) -> str:
    """One byte of an export is changed: the audit ends with 5 and names the place; Go finds it."""
    seen = await tell.stage.flip_byte(Member("oh"))
    expect(seen.exit_code == 5, f"the audit ended with {seen.exit_code}")
    # The hashes above do not fit the bundle, or what stands in the bundle is no leaf any more.
    tile = seen.path.replace("entries", "0")
    expect(bool({seen.path, tile} & set(seen.named)), f"it named {', '.join(seen.named)}")
    expect(seen.go != "", "the program in Go found nothing")
    in_go = f'Go says "{seen.go}"' if seen.go else "no program in Go was asked: Go is not here"
    return (
        f"byte {seen.at} of {seen.path} in Ohio's export was changed: the audit ended with "
        f"{seen.exit_code} and named {seen.named[0]}; {in_go}"
    )


async def receipts_verified(tell: Teller) -> str:
    """Every answer of this story stands in its state's ledger."""
    count = sum(tell.stage.verify(answer) for answer in tell.answers)
    expect(count >= len(tell.answers), "an answer came without its receipt")
    return f"{count} receipts of {len(tell.answers)} answers verified"


async def checkpoints_cosigned(tell: Teller) -> str:
    """An exported checkpoint carries what both practice witnesses signed, and the quorum holds."""
    seen = await tell.stage.audit(Member("oh"))
    expect(seen.has_quorum, f"no quorum; cosigned by {', '.join(seen.cosigned) or 'nobody'}")
    return f"Ohio's checkpoint of {seen.size} leaves is cosigned by {' and '.join(seen.cosigned)}"


async def fork_refused_by_witness(tell: Teller) -> str:
    """A second history under Ohio's own key is refused by each witness, and published."""
    seen = await tell.stage.show_fork(Member("oh"))
    expect(bool(seen), "there is no witness")
    expect(all(fork.status == 422 for fork in seen), f"status {[fork.status for fork in seen]}")
    expect(all("fork" in fork.proves for fork in seen), "a witness does not publish the fork")
    after = await tell.stage.audit(Member("oh"))
    expect(after.has_quorum and not after.findings, "the honest history did not go on")
    return (
        f"Ohio's own key signed another history of {seen[0].size} leaves: "
        f"{len(seen)} witnesses refused it and publish both"
    )


async def exports_verified(tell: Teller) -> str:
    """Exported ledgers pass the independent audit."""
    sizes = []
    for state in ("oh", "wa", "il", "us"):
        seen = await tell.stage.audit(Member(state))
        expect(not seen.findings, f"{state}: {', '.join(seen.findings)}")
        sizes.append(f"{wire_of_member(Member(state))} {seen.size}")
    return f"exported ledgers pass the audit, leaves: {', '.join(sizes)}"


async def ledger_read_over_http(tell: Teller) -> str:
    """Anyone reads and audits a ledger over HTTP, and gets what its export holds, byte for byte."""
    seen = await tell.stage.read_public(Member("oh"))
    expect(not seen.findings, ", ".join(seen.findings))
    expect(not seen.differing, f"not as exported: {', '.join(seen.differing[:5])}")
    return (
        f"Ohio's ledger of {seen.size} leaves passes the audit over HTTP; its {seen.documents} "
        "documents are those of the export"
    )
