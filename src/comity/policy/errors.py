"""The errors of rule records and their compilation; each has a stable code."""

from __future__ import annotations

from typing import ClassVar, Final

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "BlockError",
    "DuplicateRuleError",
    "NationalMismatchError",
    "OptOutError",
    "PolicyLimitError",
    "RuleFormError",
    "SentenceMissingError",
    "TooManyCombinationsError",
    "TrafficFormError",
    "UncheckedClauseError",
    "UnknownAxisError",
    "UnknownAxisValueError",
    "UnknownFamilyError",
    "UnknownTemplateError",
    "shown",
]


_SHOWN_CHARACTERS: Final = 60


def shown(value: object) -> str:
    """Return what a record says where a name belongs, as an error may repeat it: short, ASCII."""
    text = str(value)
    plain = "".join(each if " " <= each <= "~" else "?" for each in text[:_SHOWN_CHARACTERS])
    return plain if len(text) <= _SHOWN_CHARACTERS else f"{plain}..."


class RuleFormError(MalformedError):
    """A rule record does not have its form."""

    code: ClassVar[str] = "policy-malformed"


class PolicyLimitError(RuleFormError):
    """A rule record is larger than a limit allows."""

    code: ClassVar[str] = "policy-limit"


class UnknownAxisError(RuleFormError):
    """A condition names something that no rule can look at."""

    code: ClassVar[str] = "policy-unknown-axis"


class UnknownAxisValueError(RuleFormError):
    """A condition names a value that its axis does not have."""

    code: ClassVar[str] = "policy-unknown-value"


class UnknownFamilyError(RuleFormError):
    """A condition names an agency family that is not known, so that it would match nobody."""

    code: ClassVar[str] = "policy-unknown-family"


class DuplicateRuleError(RuleFormError):
    """Two rules have one id, or a rule has an id that the decision itself uses."""

    code: ClassVar[str] = "policy-duplicate-rule"


class SentenceMissingError(RuleFormError):
    """A rule that holds or denies does not say why."""

    code: ClassVar[str] = "policy-sentence-missing"


class UncheckedClauseError(RuleFormError):
    """A clause that nobody checked against a text is switched on."""

    code: ClassVar[str] = "policy-unchecked-clause"


class NationalMismatchError(ComityError):
    """The national rules at hand are not those that the state adopted."""

    code: ClassVar[str] = "policy-national-mismatch"


class OptOutError(ComityError):
    """A state opts out of a national rule that does not exist."""

    code: ClassVar[str] = "policy-opt-out-unknown"


class UnknownTemplateError(MalformedError):
    """No template has that name."""

    code: ClassVar[str] = "policy-template-unknown"


class TooManyCombinationsError(ComityError):
    """The rules tell more apart than one proof may hold at a time."""

    code: ClassVar[str] = "policy-too-many-combinations"


class BlockError(ComityError):
    """A block is there already, or nothing of that name waits to be confirmed."""

    code: ClassVar[str] = "policy-block"


class TrafficFormError(MalformedError):
    """A row of recorded or imported traffic does not have its form."""

    code: ClassVar[str] = "traffic-malformed"
