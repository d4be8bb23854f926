"""The one error type that users meet, and the list of its codes.

Belongs here: `SmmError` and the code register. Does not belong here: anything that does I/O. A room that finds bad
input raises `SmmError` with a registered code; the command line and Dagster print it. Programming errors stay
ordinary exceptions.
"""

from __future__ import annotations

import errno
import os

CODES: dict[str, str] = {
    # 1xx: settings, instance folder, environment
    "SMM-101": "The instance folder or its smm.toml is missing",
    "SMM-102": "A setting has a wrong value",
    "SMM-103": "A secret is missing or too weak",
    "SMM-104": "The project files (sql/, expectations/) were not found",
    "SMM-105": "A catalog file (table, contract or suite) is wrong",
    "SMM-106": "The disk has too little free space",
    "SMM-107": "A file or folder cannot be written",
    # 2xx: deliveries and feeds
    "SMM-201": "A delivery cannot be read as the format its feed declares",
    "SMM-202": "A delivery lacks a required column",
    "SMM-203": "A delivery is not in the declared encoding",
    "SMM-204": "A mapping is wrong",
    "SMM-205": "The conservation equation does not hold",
    "SMM-206": "A feed name is unknown",
    "SMM-207": "A delivery has a larger share of rejects than its feed allows",
    "SMM-208": "The raw store has lost the bytes of a delivery",
    "SMM-209": "A file in landing/ cannot be opened",
    "SMM-210": "The id of a reject is unknown, or the beginning of several",
    "SMM-211": "The object store of landing_url cannot be read, or is not there",
    # 3xx: warehouse and publishing
    "SMM-301": "Another process holds the warehouse or the instance",
    "SMM-302": "A database file is damaged or of another version",
    "SMM-303": "A table produced rows outside the days it was asked for",
    "SMM-304": "The serving file could not be published",
    "SMM-305": "There is no readable serving file",
    "SMM-306": "A report could not be written",
    "SMM-307": "The work on a single day needs more memory than is allowed",
    # 31x: pulls from vendors' APIs
    "SMM-310": "A pull is described or set wrongly",
    "SMM-311": "A source does not answer, or not in time",
    "SMM-312": "A source does not take the token",
    "SMM-313": "The quota of a source is used up",
    "SMM-314": "An answer is not the data that was asked for",
    "SMM-315": "The pages of a source do not end",
    "SMM-316": "A source answered with an error",
    "SMM-317": "An answer leads to another host",
    # 4xx: validation
    "SMM-401": "A critical expectation failed",
    "SMM-402": "An expectation could not be evaluated",
    "SMM-403": "A feed has fallen silent whose silence is an error",
    # 5xx: command line
    "SMM-501": "A command was called with arguments that it does not take or that make no sense together",
    "SMM-901": "An unexpected error; please report it",
    # 6xx: Dagster
    "SMM-601": "The Dagster web server or daemon did not start or ended by itself",
    # 7xx: attribution
    "SMM-701": "A path table has a path, a count or an amount that is none",
    # 8xx: explaining
    "SMM-801": "An order, a KPI, a day or a community that is to be explained is unknown",
    "SMM-802": "What is to be explained is the name of several",
}


# All that str.splitlines() takes for the end of a line.
_LINE_ENDS = {n: ascii(chr(n))[1:-1] for n in (*range(10, 14), *range(28, 31), 0x85, 0x2028, 0x2029)}
# Bytes of a file's name that are no UTF-8, as Python keeps them in a text: no output in UTF-8 takes them.
_NO_UTF_8 = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}


def one_line(name: str) -> str:
    """A name with its line breaks as Python writes them: a file may have some, and would forge lines of ours.

    Bytes that are no UTF-8 are shown in the same way.
    """
    return name.translate(_LINE_ENDS | _NO_UTF_8)


class SmmError(Exception):
    """A problem that the user can act on.

    Args:
        code: a key of `CODES`.
        what: one sentence saying what is wrong, without personal data or secrets.
        where: file, line, table, day or setting; empty when there is none.
        hint: what to do about it; empty when `what` says it.
    """

    def __init__(self, code: str, what: str, *, where: str = "", hint: str = "") -> None:
        if code not in CODES:
            raise KeyError(f"unregistered error code {code}")
        self.code, self.what, self.where, self.hint = code, what, one_line(where), hint
        super().__init__(self.__str__())

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.what}"]
        if self.where:
            parts.append(f"  where: {self.where}")
        if self.hint:
            parts.append(f"  what to do: {self.hint}")
        return "\n".join(parts)

    def as_dict(self) -> dict[str, str]:
        """The same four fields for `--json` output and Dagster metadata."""
        return {"code": self.code, "what": self.what, "where": self.where, "hint": self.hint}


_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_WRONG_KIND = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


def not_writable(error: Exception, where: str = "") -> SmmError | None:
    """SMM-107 when a file system refuses to be written, by rights or because a file stands in place of a folder.

    Args:
        error: of the operating system, or of DuckDB, which passes on only the system's words.
        where: what was to be written, unless the error names it itself.
    """
    number = error.errno if isinstance(error, OSError) else None
    for known in (*_REFUSED, *_WRONG_KIND):
        reason = os.strerror(known)
        if number == known or (not isinstance(error, OSError) and reason in str(error)):
            return SmmError(
                "SMM-107",
                f"not writable: {reason}",
                where=str(getattr(error, "filename", None) or where),
                hint="give the user who runs smm the right to write there, or choose another --home"
                if known in _REFUSED
                else "a file stands where a folder is needed, or the reverse: move it away, or choose another --home",
            )
    return None


def line_of(error: UnicodeDecodeError) -> int:
    """The line, from 1, of the byte that does not belong to its encoding; of a text that was read whole."""
    return error.object[: error.start].count(b"\n") + 1
