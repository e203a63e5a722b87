"""What a page says when it cannot be shown: what happened, whether anything was done, what to do.

Guarantee: no text of a problem holds anything of a record.
"""

from __future__ import annotations

from enum import Enum

from comity.domain.errors import ComityError

__all__ = ["Problem", "ProblemError"]


class Problem(Enum):
    """A problem: status, stable code, what happened in a sentence, what to do."""

    MALFORMED = (
        400, "request-malformed", "This request cannot be read.", "Go back and try again.",
    )  # fmt: skip
    FROM_ELSEWHERE = (
        403, "form-from-elsewhere", "This form did not come from a page of this console.",
        "Open the page anew and send it from there.",
    )  # fmt: skip
    NOT_YOURS = (
        403, "role-missing", "Your role does not open this page.",
        "Whoever keeps the people file of your state can add the role.",
    )  # fmt: skip
    NO_SUCH_PAGE = (404, "page-unknown", "There is no such page.", "Begin at the first page.")
    HOLD_CLOSED = (
        404, "hold-closed", "No such request waits: it was decided, or its time ran out.",
        "The queue shows what waits now.",
    )  # fmt: skip
    RELEASE_DONE = (
        404, "after-review-done", "No urgent release waits under this number: it was looked at.",
        "The list shows what waits for a look now.",
    )  # fmt: skip
    PASS_ENDED = (
        404, "pass-unknown", "No case pass stands under this number: it has ended.",
        "The list shows the passes that stand now.",
    )  # fmt: skip
    METHOD = (
        405, "method-not-allowed", "This page does not take that.", "Go back and try again.",
    )  # fmt: skip
    OVERTAKEN = (
        409, "verdict-overtaken", "Somebody else's verdict on this request is on its way.",
        "The queue shows what waits now.",
    )  # fmt: skip
    CHANGED = (
        409, "hold-changed", "This request was answered or asked about while you looked at it.",
        "Open it anew: what you see then is how it stands.",
    )  # fmt: skip
    TOO_LARGE = (413, "form-too-large", "This form is too large.", "Shorten what you wrote.")
    URI_TOO_LONG = (414, "address-too-long", "This address is too long.", "Begin at the queue.")
    NOT_A_FORM = (415, "not-a-form", "This is not the form of a page.", "Go back and try again.")
    WRONG_HOST = (
        421, "host-unknown", "This console is not known under this address.",
        "Use the address that your office gave you.",
    )  # fmt: skip
    BUSY = (
        503, "not-now", "This cannot be read now. Nothing was changed.",
        "Try again in a few seconds; what waits is kept, and its clock is shown in the queue.",
    )  # fmt: skip
    FAULT = (
        500, "fault", "This page failed. It is recorded, without what it was about.",
        "Try again; if it fails again, call whoever runs this console.",
    )  # fmt: skip

    def __init__(self, status: int, code: str, happened: str, to_do: str) -> None:
        self.status = status
        self.code = code
        self.happened = happened
        self.to_do = to_do


class ProblemError(ComityError):
    """A page cannot be shown."""

    code = "console-problem"

    def __init__(self, problem: Problem, more: str = "") -> None:
        super().__init__(more or problem.happened)
        self.problem = problem
        self.more = more
