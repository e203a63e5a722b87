"""The ledger's bytes: tree, tiles, signed notes, commitments, receipts and static exports.

Everything here is a pure function from values to values. Whatever this package writes,
`comity.audit` checks with code of its own.
"""
