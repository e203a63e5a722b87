"""The people file in force: looked at once a second at most, and whenever that is asked for.

Guarantee: who was taken out is out at the next look. While the file cannot be read or is malformed
nobody is admitted; an earlier one is not used on, since it may name somebody who has left.
Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.console.errors import PeopleError
from comity.console.people import PEOPLE_FILE_BYTES_MAX, People, parse_people
from comity.services.events import Events

__all__ = ["PeopleFile"]

_LOOK_SECONDS: Final = 1.0
_Stamp = tuple[int, int, int, int]


class PeopleFile:
    """Follows one people file. `_people` or `_error` is what it last was, `_stamp` when."""

    def __init__(self, path: Path, issuer: str, events: Events) -> None:
        """Follow a file that must be of this issuer; nothing is read yet."""
        self._path = path
        self._issuer = issuer
        self._events = events
        self._stamp: _Stamp | None = None
        self._looked_at: float | None = None
        self._people: People | None = None
        self._error = PeopleError("the people file was not read yet")

    def current(self, now_s: float) -> People:
        """Return the people in force; looks at the file's stamp once a second at most.

        `now_s` are seconds of any one clock. Raises: PeopleError while the file is not usable.
        """
        since = None if self._looked_at is None else now_s - self._looked_at
        # A clock that was set back is no reason not to look.
        if since is None or not 0 <= since < _LOOK_SECONDS:
            self._looked_at = now_s
            self._look(is_due=False)
        return self._known()

    def reread(self) -> People:
        """Read the file whatever its stamp says. Raises: PeopleError."""
        self._look(is_due=True)
        return self._known()

    def _known(self) -> People:
        if self._people is None:
            raise PeopleError(str(self._error))
        return self._people

    def _look(self, *, is_due: bool) -> None:
        try:
            # The stamp is taken first: what is written in between is seen at the next look.
            stamp = _stamp_of(self._path)
            if stamp == self._stamp and not is_due:
                return
            self._stamp = stamp
            self._people = self._read()
        except PeopleError as error:
            self._refuse(error)
        except (OSError, UnicodeDecodeError):
            self._stamp = None
            self._refuse(PeopleError("the people file cannot be read"))
        else:
            self._events.note("people_file_read", people=len(self._people.persons))

    def _read(self) -> People:
        with self._path.open("rb") as opened:
            data = opened.read(PEOPLE_FILE_BYTES_MAX + 1)
        people = parse_people(data.decode("utf-8"))
        if people.issuer != self._issuer:
            raise PeopleError("`issuer` of the people file is not the one that people sign in by")
        return people

    def _refuse(self, error: PeopleError) -> None:
        is_news = self._people is not None or str(error) != str(self._error)
        self._people, self._error = None, error
        if is_news:
            self._events.failure("people_file_refused", error)


def _stamp_of(path: Path) -> _Stamp:
    found = path.stat()
    # The time of the change is the disk's own; the time of the content can be set by a copy.
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino
