"""The requester's side in Python: a line to a gateway, and what comes back over it."""

from comity.client.line import LineClient, LineClosedError, MessageNotTakenError, open_line

__all__ = ["LineClient", "LineClosedError", "MessageNotTakenError", "open_line"]
