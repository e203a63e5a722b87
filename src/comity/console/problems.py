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
    NO_NOTICE = (
        404, "notice-not-owed", "No notice is owed about this request.",
        "The list shows which are owed.",
    )  # fmt: skip
    RELEASE_DONE = (
        404, "after-review-done", "No urgent release waits under this number: it was looked at.",
        "The list shows what waits for a look now.",
    )  # fmt: skip
    RE_REVIEW_DONE = (
        404, "re-review-done",
        "No decision under this number waits for a second look: it had one, or was not chosen.",
        "The list shows what waits for one now.",
    )  # fmt: skip
    RE_REVIEW_REFUSED = (
        409, "re-review-refused", "You are no second reviewer of this decision. Nothing was kept.",
        "Another reviewer of your state looks at it.",
    )  # fmt: skip
    RE_REVIEW_GONE = (
        410, "record-gone", "What was asked cannot be opened any more: its record is gone.",
        "The list shows what else waits for a second look.",
    )  # fmt: skip
    CLAIM_DONE = (
        404, "claim-check-done", "No claim check stands open under this number: it was settled.",
        "The list shows those that stand open now.",
    )  # fmt: skip
    NO_SUCH_PASSKEY = (
        404, "passkey-gone", "You have no such passkey: it was removed already.",
        "The list shows those that you have.",
    )  # fmt: skip
    NOT_INVITED = (
        409, "passkey-not-invited", "This person cannot be invited by you. Nothing was changed.",
        "The page lists who can. Nobody invites themselves.",
    )  # fmt: skip
    PASSKEYS_FULL = (
        409, "passkeys-at-limit",
        "There are as many passkeys or invitations as there may be. Nothing was changed.",
        "A passkey that nobody uses has to be removed first, or an invitation used.",
    )  # fmt: skip
    NO_ONWARD = (
        404, "onward-unknown", "Nothing that an agency told stands under this number.",
        "The list shows what was told in the last 30 days.",
    )  # fmt: skip
    NO_RELEASE = (
        404, "onward-unknown", "Nothing of this request went out under that entry.",
        "The page of the request shows what did.",
    )  # fmt: skip
    APPEAL_DONE = (
        404, "appeal-done", "No appeal waits under this number: it was decided, or there is none.",
        "The list shows the appeals that wait now.",
    )  # fmt: skip
    APPEAL_BY_ANOTHER = (
        409, "appeal-needs-another",
        "You had a part in this refusal: another person decides the appeal. Nothing was kept.",
        "Another reviewer or the supervisor of your state decides it.",
    )  # fmt: skip
    NO_APPEAL = (
        409, "no-appeal", "This refusal cannot be appealed now. Nothing was sent.",
        "The request shows what was refused, and what became of an appeal.",
    )  # fmt: skip
    PASS_ENDED = (
        404, "pass-unknown", "No case pass stands under this number: it has ended.",
        "The list shows the passes that stand now.",
    )  # fmt: skip
    INSTRUMENT_ENDED = (
        404, "instrument-unknown", "No instrument stands under this number: it has ended.",
        "The list shows the instruments that stand now.",
    )  # fmt: skip
    PROTECTION_GONE = (
        404, "protection-unknown", "No protection of an address is kept under this id.",
        "The list shows those that are.",
    )  # fmt: skip
    METHOD = (
        405, "method-not-allowed", "This page does not take that.", "Go back and try again.",
    )  # fmt: skip
    NOT_HERE = (
        409, "state-not-here", "The holds of this state are not kept where this console runs.",
        "Nothing is known here of what waits. Use the console of your state's own host.",
    )  # fmt: skip
    NO_KEY = (
        409, "no-key-to-sign", "The key that you sign with is not kept where this console runs.",
        "Whoever runs this console can enrol you; `signs_as` of the people file names the key.",
    )  # fmt: skip
    NOT_SHOWN = (
        409, "case-not-shown", "The gateway does not show this request.",
        "It waits, and its clock goes on. Call whoever runs this console.",
    )  # fmt: skip
    OVERTAKEN = (
        409, "verdict-overtaken", "Somebody else's verdict on this request is on its way.",
        "The queue shows what waits now.",
    )  # fmt: skip
    ANOTHER_GIVEN = (
        409, "verdict-given",
        "You gave another verdict on this request, and that one is on its way.",
        "The queue shows it: take it back there, then decide anew.",
    )  # fmt: skip
    CHANGED = (
        409, "hold-changed", "This request was answered or asked about while you looked at it.",
        "Open it anew: what you see then is how it stands.",
    )  # fmt: skip
    NO_SUCH_BLOCK = (
        404, "block-unknown", "No such block is in force.",
        "The rules in force show which families are blocked.",
    )  # fmt: skip
    RULES_MOVED = (
        409, "rules-moved", "The rules of this state changed while you looked at them.",
        "Open the page anew: what you see then is in force.",
    )  # fmt: skip
    SECOND_PERSON = (
        409, "second-person-needed", "Whoever put a clause into force cannot confirm it.",
        "Another author or counsel of this state confirms it.",
    )  # fmt: skip
    LITIGATION_ENDED = (
        404, "litigation-hold-ended",
        "No such litigation hold stands: it was lifted, or never placed.",
        "The list shows those that stand now.",
    )  # fmt: skip
    LIFT_MOVED = (
        409, "lift-moved", "What was asked about this hold changed while you looked at it.",
        "Open the hold anew; it stands, and nothing was lifted.",
    )  # fmt: skip
    LIFT_SECOND = (
        409, "another-person-needed", "Whoever asked to lift a hold cannot be the second person.",
        "Another counsel or supervisor of this state lifts it.",
    )  # fmt: skip
    NO_DEMAND = (
        404, "demand-unknown", "No demand stands in the register under this number.",
        "The list shows those that are open, and those that have ended.",
    )  # fmt: skip
    DEMAND_MOVED = (
        409, "demand-moved", "Something was done about this demand while you looked at it.",
        "Open it anew: what you see then is how it stands. Nothing of yours was recorded.",
    )  # fmt: skip
    DEMAND_SECOND = (
        409, "demand-second-person-missing",
        "Whoever signed first that something is handed over cannot be the second person.",
        "Another counsel or supervisor of this state signs it.",
    )  # fmt: skip
    DEMAND_GONE = (
        410, "record-gone", "What was demanded cannot be read any more: its month's key is gone.",
        "The leaf and the hash that it commits to stay in the ledger.",
    )  # fmt: skip
    DEMAND_REFUSED = (
        409, "demand-not-taken", "The gateway did not take this.",
        "What it says above is why; nothing of it was recorded.",
    )  # fmt: skip
    DEMAND_SILENT = (
        504, "demand-unanswered", "The gateway did not answer in time; it may have recorded this.",
        "Look at the list of demands first. To send it again does no harm.",
    )  # fmt: skip
    OPENING_REFUSED = (
        409, "opening-not-recorded", "The gateway did not record an opening, so nothing went out.",
        "What it says above is why.",
    )  # fmt: skip
    OPENING_SILENT = (
        504, "opening-unanswered",
        "The gateway did not answer in time: nothing went out, though a leaf may say so.",
        "Try again; what is opened then is recorded anew.",
    )  # fmt: skip
    ORDER_REFUSED = (
        409, "order-not-taken", "The gateway did not take this order.",
        "What it says above is why; what was held is held.",
    )  # fmt: skip
    ORDER_SILENT = (
        504, "order-unanswered", "The gateway did not answer in time; it may have done this.",
        "Look at the list of holds first. To send it again does no harm.",
    )  # fmt: skip
    NO_SUCH_DRAFT = (
        404, "draft-unknown", "There is no such draft: it took force, or was dropped.",
        "The list shows the drafts that there are.",
    )  # fmt: skip
    DRAFT_MOVED = (
        409, "draft-moved", "Somebody changed this draft while you looked at it.",
        "Open it anew: what you see then is how it stands. Nothing of yours was kept or signed.",
    )  # fmt: skip
    DRAFT_BEHIND = (
        409, "draft-not-current", "Other rules came into force since this draft was made.",
        "Take over what changed, on the draft's page, and look at it again before anybody signs.",
    )  # fmt: skip
    DRAFT_REFUSED = (
        409, "draft-refused", "These rules cannot be a draft as they stand.",
        "What it says above is why.",
    )  # fmt: skip
    DRAFTS_FULL = (
        409, "drafts-full", "This draft cannot be kept: there is no more room.",
        "Drop a draft that nobody needs, or take clauses out.",
    )  # fmt: skip
    SAME_SIGNER = (
        409, "second-signer-needed", "Whoever signed a draft cannot be its second person.",
        "Another author or counsel of this state signs it on their own page.",
    )  # fmt: skip
    REFUSED = (
        409, "gateway-refused", "The gateway did not take this.",
        "What it says above is why; the rules in force are what they were.",
    )  # fmt: skip
    SILENT = (
        504, "gateway-silent", "The gateway did not answer in time; it may have done this.",
        "Look at the rules in force first. To send it again does no harm.",
    )  # fmt: skip
    SECOND_REVIEWER = (
        409, "second-reviewer-needed", "Who proposed a release does not confirm it.",
        "Another reviewer of this state confirms it; it waits, and its clock goes on.",
    )  # fmt: skip
    CONFLICT = (
        409, "conflict-of-interest", "You declared a conflict of interest on this request.",
        "Another reviewer of this state decides it; it waits, and its clock goes on.",
    )  # fmt: skip
    CONFLICT_SILENT = (
        504, "conflict-unanswered",
        "The gateway did not answer in time; your declaration may stand.",
        "Declare it again: it counts once.",
    )  # fmt: skip
    CALL_NUMBER = (
        409, "call-back-number",
        "An agency is called back at its number in the directory; this is not that number.",
        "Nothing was recorded. Open the page anew: it shows the number that counts now, if any.",
    )  # fmt: skip
    CALLS_FULL = (
        409, "call-backs-full", "No further call can be recorded on this request.",
        "The case shows those that are. You can decide it, ask the agency, or pass it on.",
    )  # fmt: skip
    CALL_SILENT = (
        504, "call-back-unanswered",
        "The gateway did not answer in time; the call may be recorded.",
        "Look at the case: it shows each call that is. The same form sent again counts once.",
    )  # fmt: skip
    TAKEN = (
        409, "case-taken", "Somebody else has this request.",
        "You can open and decide it all the same. A supervisor can assign it anew.",
    )  # fmt: skip
    TOO_MANY_TAKEN = (
        409, "too-many-taken", "One reviewer cannot have so many requests at once.",
        "Some of them have to be decided or put back first.",
    )  # fmt: skip
    NO_REVIEWER = (
        409, "reviewer-unknown", "No such reviewer can be given this request.",
        "Open the page anew: it lists who can.",
    )  # fmt: skip
    NO_AGENCY = (
        409, "agency-not-listed",
        "The directory does not list your agency for this state, or lists it as closed.",
        "Whoever keeps the people file of your state can look at your place.",
    )  # fmt: skip
    NO_LINE = (
        409, "line-not-kept", "No line of your agency can be spoken on from this console.",
        "Whoever runs this console can add the certificate of one.",
    )  # fmt: skip
    NO_DRAFT = (
        404, "question-unknown", "No such question waits to be sent: it was kept for half an hour.",
        "Ask anew. If you sent it, it is among your requests.",
    )  # fmt: skip
    NO_REQUEST = (
        404, "request-unknown", "You have no such request.",
        "Your requests of the last two weeks are listed.",
    )  # fmt: skip
    NO_QUESTION = (
        409, "question-closed", "No reviewer waits for your reply on this request.",
        "It was replied to or decided meanwhile: open the request again.",
    )  # fmt: skip
    NOT_PREVIEWED = (
        503, "not-previewed",
        "The gateway did not say what this would get. Nothing was asked of any state.",
        "It may have recorded that you wanted to know. Try again in a moment.",
    )  # fmt: skip
    MAYBE_SENT = (
        504, "maybe-sent", "The gateway did not answer in time; it may have taken this.",
        "Send it again: it is asked once, however often you do.",
    )  # fmt: skip
    NOT_TAKEN = (
        409, "question-refused", "The gateway did not take this. Nothing was asked of any state.",
        "What it says above is why.",
    )  # fmt: skip
    TOO_LARGE = (413, "form-too-large", "This form is too large.", "Shorten what you wrote.")
    URI_TOO_LONG = (414, "address-too-long", "This address is too long.", "Begin at the queue.")
    NOT_A_FORM = (415, "not-a-form", "This is not the form of a page.", "Go back and try again.")
    WRONG_HOST = (
        421, "host-unknown", "This console is not known under this address.",
        "Use the address that your office gave you.",
    )  # fmt: skip
    TOO_MANY_WAIT = (
        503, "verdicts-full", "Too many verdicts wait to leave. Yours was not taken.",
        "Send some of yours now from the queue, or try again in a minute.",
    )  # fmt: skip
    FEED_FULL = (
        503, "feed-full", "Too many pages renew themselves by now; this one does not.",
        "Load the page again to see what is new, or close another one.",
    )  # fmt: skip
    EXAMINERS_BUSY = (
        503, "examinations-full", "Too many drafts wait to be examined. Yours was not taken.",
        "Try again in a minute.",
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

    @property
    def is_without_effect(self) -> bool:
        """Whether nothing was sent and nothing was changed, for sure."""
        return self not in (
            Problem.SILENT,
            Problem.CONFLICT_SILENT,
            Problem.ORDER_SILENT,
            Problem.DEMAND_SILENT,
            Problem.OPENING_SILENT,
            Problem.MAYBE_SENT,
            Problem.NOT_PREVIEWED,
        )


class ProblemError(ComityError):
    """A page cannot be shown."""

    code = "console-problem"

    def __init__(self, problem: Problem, more: str = "") -> None:
        super().__init__(more or problem.happened)
        self.problem = problem
        self.more = more
