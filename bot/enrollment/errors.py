"""What the enrolment database refuses with.

EnrolmentError
  ├── NotOnFile      no such participant, account, ticket or code
  ├── Conflict       the request contradicts what is on file (an account that belongs to somebody else, ...)
  ├── InvalidValue   a value that no record may hold (a status, a role, a dose out of bounds, ...)
  ├── AuditError     a write that would escape the audit trail
  └── ImportRefused  a file of which nothing was imported (`problems` says why, place by place)

No message holds personal data: a participant is named by code, an account not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EnrolmentError(Exception):
    """Base of everything that `bot.enrollment` raises on purpose."""


class NotOnFile(EnrolmentError):
    """What was asked for is not in the database."""


class Conflict(EnrolmentError):
    """What was asked for contradicts what is on file."""


class InvalidValue(EnrolmentError, ValueError):
    """A value that the record may not hold."""


class AuditError(EnrolmentError):
    """A write that does not say who and why, or that goes round the audit trail."""


@dataclass(frozen=True)
class Problem:
    """One reason why a file is refused.

    Attributes:
        place: where in the file: `line 7`, `entry[3].resource.birthDate`, or `file`.
        column: the column (CSV) or element (FHIR), or None where the whole line or file is meant.
        reason: what was expected and, for dates, numbers and codes, what was found.
    """

    place: str
    column: str | None
    reason: str

    def __str__(self) -> str:
        where = self.place if self.column is None else f"{self.place}, {self.column}"
        return f"{where}: {self.reason}"


class ImportRefused(EnrolmentError):
    """A file that was refused; nothing of it is in the database.

    Attributes:
        problems: the reasons, in the file's order.
        more: how many further problems were found and not kept.
    """

    def __init__(self, problems: Sequence[Problem], more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        lines = [str(problem) for problem in self.problems]
        if more:
            lines.append(f"and {more} more")
        super().__init__("nothing was imported:\n" + "\n".join(lines))
