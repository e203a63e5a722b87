"""The only writers of a member's state, and the use cases of console and command line.

Every change goes through the sequencer, in one transaction with the leaves that record it.
"""
