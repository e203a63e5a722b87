"""The independent checker: re-derives a ledger's tree, proofs and commitments from public bytes.

It imports `comity.domain` and nothing else of Comity, so that a fault in what writes the ledger is
not repeated in what checks it. Keys come from the caller, never from what is checked.
"""
