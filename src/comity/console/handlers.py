"""The page of every route, put together group by group.

Guarantee: each route has one page; the application refuses to start with one more or one less.
"""

from __future__ import annotations

from comity.console.application import Handler
from comity.console.desk import Desk
from comity.console.draft_desk import DraftDesk
from comity.console.pages.access import AccessPages
from comity.console.pages.after import AfterPages
from comity.console.pages.appeals import AppealPages
from comity.console.pages.as_of import AsOfPages
from comity.console.pages.asking import AskPages
from comity.console.pages.assigning import AssigningPages
from comity.console.pages.blocks import BlockPages
from comity.console.pages.calling import CallPages
from comity.console.pages.case import CasePages
from comity.console.pages.certifications import CertificationPages
from comity.console.pages.claims import ClaimPages
from comity.console.pages.clauses import ClausePages
from comity.console.pages.confirming import ConfirmPages
from comity.console.pages.conflicts import ConflictPages
from comity.console.pages.controls import ControlPages
from comity.console.pages.decisions import DecisionPages
from comity.console.pages.demands import DemandPages
from comity.console.pages.doors import DoorPages
from comity.console.pages.drafts import DraftPages
from comity.console.pages.examined import ExaminedPages
from comity.console.pages.feed import FeedPages
from comity.console.pages.history import HistoryPages
from comity.console.pages.instruments import InstrumentPages
from comity.console.pages.litigation import LitigationPages
from comity.console.pages.notices import NoticePages
from comity.console.pages.onward import OnwardPages
from comity.console.pages.own_passkeys import OwnPasskeyPages
from comity.console.pages.passkeys import PasskeyPages
from comity.console.pages.protections import ProtectionPages
from comity.console.pages.public_records import PublicRecordsPages
from comity.console.pages.queue import QueuePages
from comity.console.pages.re_reviews import ReReviewPages
from comity.console.pages.requests import RequestPages
from comity.console.pages.rules import RulePages
from comity.console.pages.same_case import SameCasePages
from comity.console.pages.signing_rules import SigningPages
from comity.console.routes import Name
from comity.console.view import Views

__all__ = ["console_handlers"]


def console_handlers(
    desk: Desk, views: Views, doors: DoorPages, second: PasskeyPages, own: OwnPasskeyPages
) -> dict[Name, Handler]:
    """Return the page of every route; `second` is the second step of signing in."""
    return {
        **_door_handlers(doors),
        **_passkey_handlers(second, own),
        **_review_handlers(desk, views),
        **_paper_handlers(desk, views),
        **_oversight_handlers(desk, views, doors),
        **_rule_handlers(desk, views),
        **_draft_handlers(desk, views),
        **_legal_handlers(desk, views),
        **_asking_handlers(desk, views),
    }


def _door_handlers(doors: DoorPages) -> dict[Name, Handler]:
    return {
        Name.HOME: doors.home,
        Name.HEALTH: doors.health,
        Name.ASSET: doors.asset,
        Name.SIGN_IN: doors.sign_in,
        Name.BEGIN_SIGN_IN: doors.begin,
        Name.FINISH_SIGN_IN: doors.finish,
        Name.SIGN_OUT: doors.sign_out,
        Name.PLACES: doors.places,
        Name.CHOOSE_PLACE: doors.choose_place,
    }


def _passkey_handlers(second: PasskeyPages, own: OwnPasskeyPages) -> dict[Name, Handler]:
    return {
        Name.PASSKEY: second.ask,
        Name.USE_PASSKEY: second.use,
        Name.MAKE_PASSKEY: second.make,
        Name.TAKE_INVITATION: second.invitation,
        Name.SKIP_PASSKEY: second.skip,
        Name.OWN_PASSKEYS: own.own,
        Name.REMOVE_PASSKEY: own.remove,
        Name.STATE_PASSKEYS: own.state,
        Name.INVITE: own.invite,
    }


def _review_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    cases, same_case = CasePages(desk, views), SameCasePages(desk, views)
    assigning, conflicts = AssigningPages(desk, views), ConflictPages(desk, views)
    again, calls = ReReviewPages(desk, views), CallPages(desk, views)
    appeals = AppealPages(desk, views)
    return {
        Name.QUEUE: QueuePages(desk, views).queue,
        Name.CASE: cases.case,
        Name.CONSIDER: cases.consider,
        Name.SHOW_RECORD: cases.show_record,
        Name.GIVE_VERDICT: cases.give,
        Name.TAKE_BACK: cases.take_back,
        Name.SEND_NOW: cases.send_now,
        Name.TAKE: assigning.take,
        Name.PUT_BACK: assigning.put_back,
        Name.ASSIGNING: assigning.assigning,
        Name.ASSIGN: assigning.assign,
        Name.CONFLICT: conflicts.consider,
        Name.DECLARE_CONFLICT: conflicts.declare,
        Name.CALL_BACK: calls.consider,
        Name.RECORD_CALL: calls.record,
        Name.SAME_CASE: same_case.requests,
        Name.CONSIDER_SAME_CASE: same_case.consider,
        Name.DECIDE_SAME_CASE: same_case.decide,
        Name.TAKE_BACK_SAME_CASE: same_case.take_back,
        Name.SEND_SAME_CASE: same_case.send_now,
        Name.DECISIONS: DecisionPages(desk, views).decisions,
        Name.PLANT: DecisionPages(desk, views).plant,
        Name.RE_REVIEWS: again.listed,
        Name.RE_REVIEW: again.one,
        Name.OPEN_RE_REVIEW: again.open_case,
        Name.GIVE_RE_REVIEW: again.look,
        Name.APPEALS: appeals.appeals,
        Name.APPEAL: appeals.appeal,
        Name.DECIDE_APPEAL: appeals.decide,
    }


def _paper_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    after, instruments = AfterPages(desk, views), InstrumentPages(desk, views)
    return {
        Name.URGENT: after.releases,
        Name.RELEASE: after.release,
        Name.LOOK: after.look,
        Name.PASSES: after.passes,
        Name.PASS: after.one_pass,
        Name.END_PASS: after.end_pass,
        Name.INSTRUMENTS: instruments.listed,
        Name.NEW_INSTRUMENT: instruments.new,
        Name.REGISTER: instruments.register,
        Name.INSTRUMENT: instruments.one,
        Name.VERIFY: instruments.verify,
        Name.REVOKE: instruments.revoke,
    }


def _oversight_handlers(desk: Desk, views: Views, doors: DoorPages) -> dict[Name, Handler]:
    notices, feed = NoticePages(desk, views), FeedPages(desk, views, doors.still)
    claims, onward = ClaimPages(desk, views), OnwardPages(desk, views)
    return {
        Name.NOTICES: notices.notices,
        Name.NOTICE: notices.notice,
        Name.NOTICE_LETTER: notices.letter,
        Name.NOTICE_GIVEN: notices.given,
        Name.CLAIMS: claims.claims,
        Name.CLAIM: claims.claim,
        Name.FIND_CLAIM: claims.find,
        Name.ONWARD: onward.listed,
        Name.ASK_ONWARD: onward.ask,
        Name.ONWARD_TOLD: onward.told,
        Name.FEED: feed.feed,
        Name.FEED_STREAM: feed.stream,
        Name.CERTIFICATIONS: CertificationPages(desk, views).certifications,
    }


def _rule_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    blocks, confirming = BlockPages(desk, views), ConfirmPages(desk, views)
    return {
        Name.RULES: RulePages(desk, views).rules,
        Name.ACCESS: AccessPages(desk, views).access,
        Name.BLOCK: blocks.choose,
        Name.ORDER_BLOCK: blocks.order,
        Name.BLOCKED: blocks.blocked,
        Name.CERTIFY_BLOCK: blocks.certify,
        Name.CERTIFICATE: blocks.certificate,
        Name.WAITING: confirming.waiting,
        Name.CONFIRM: confirming.confirm,
        Name.HISTORY: HistoryPages(desk, views).history,
        Name.CONTROLS: ControlPages(desk, views).controls,
    }


def _draft_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    """Return the pages of drafts, which share what they have counted."""
    kept = DraftDesk(desk)
    drafts, clauses = DraftPages(desk, views, kept), ClausePages(desk, views, kept)
    examined, signing = ExaminedPages(desk, views, kept), SigningPages(desk, views, kept)
    return {
        Name.DRAFTS: drafts.drafts,
        Name.OPEN_DRAFT: drafts.open,
        Name.DRAFT: drafts.draft,
        Name.DROP_DRAFT: drafts.drop,
        Name.TAKE_OVER: drafts.take_over,
        Name.AROUND: drafts.around,
        Name.PUT_AROUND: drafts.put_around,
        Name.CLAUSE: clauses.clause,
        Name.CHECK_CLAUSE: clauses.check,
        Name.PUT_CLAUSE: clauses.put,
        Name.DROP_CLAUSE: clauses.drop,
        Name.EXAMINE: examined.examine,
        Name.GUARANTEES: examined.guarantees,
        Name.REPLAYED: examined.replayed,
        Name.LEAKS: examined.leaks,
        Name.CLOSE_DOOR: examined.close_door,
        Name.SIGNING: signing.signing,
        Name.SIGN_DRAFT: signing.sign,
        Name.APPROVE_DRAFT: signing.approve,
        Name.ANNOUNCE_DRAFT: signing.announce,
    }


def _legal_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    litigation, exports = LitigationPages(desk, views), PublicRecordsPages(desk, views)
    as_of = AsOfPages(desk, views, is_practice=views.is_practice)
    protections = ProtectionPages(desk, views)
    demands = DemandPages(desk, views)
    return {
        Name.AS_OF: as_of.page,
        Name.AS_OF_PAPER: as_of.paper,
        Name.PUBLIC_RECORDS: exports.form,
        Name.EXPORT_RECORDS: exports.export,
        Name.LITIGATION: litigation.holds,
        Name.PLACE_LITIGATION: litigation.place,
        Name.LITIGATION_HOLD: litigation.hold,
        Name.LIFT_LITIGATION: litigation.lift,
        Name.KEEP_LITIGATION: litigation.keep,
        Name.PROTECTIONS: protections.listed,
        Name.NEW_PROTECTION: protections.new,
        Name.PLACE_PROTECTION: protections.place,
        Name.FIND_PROTECTION: protections.find,
        Name.PROTECTION: protections.one,
        Name.END_PROTECTION: protections.end,
        Name.DEMANDS: demands.listed,
        Name.NEW_DEMAND: demands.new,
        Name.REGISTER_DEMAND: demands.register,
        Name.DEMAND: demands.one,
        Name.ACT_ON_DEMAND: demands.act,
        Name.HAND_OVER: demands.hand_over,
        Name.KEEP_BACK: demands.keep_back,
    }


def _asking_handlers(desk: Desk, views: Views) -> dict[Name, Handler]:
    asking, requests = AskPages(desk, views), RequestPages(desk, views)
    return {
        Name.ASK: asking.ask,
        Name.PREVIEW: asking.preview,
        Name.QUESTION: asking.draft,
        Name.SEND: asking.send,
        Name.REQUESTS: requests.requests,
        Name.REQUEST: requests.request,
        Name.REPLY: requests.reply,
        Name.TELL_ONWARD: requests.tell_onward,
        Name.MAKE_APPEAL: requests.appeal,
    }
