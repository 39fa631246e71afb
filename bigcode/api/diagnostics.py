"""What goes wrong, said once: a code, a message, a place and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bigcode.api.codes import CODES

Severity = Literal["error", "warning", "question"]


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a text file; line and column count from one."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding for a person: `place CODE message`, with a hint that says what to do next."""

    code: str
    message: str
    place: Place | None = None
    hint: str = ""
    severity: Severity = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown diagnostic code {self.code}")

    def __str__(self) -> str:
        where = f"{self.place}  " if self.place else ""
        mark = "" if self.severity == "error" else f"{self.severity}: "
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{where}{self.code}  {mark}{self.message}{hint}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Problem(Exception):
    """One or more diagnostics that stop the command; the exit code is that of the gravest."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        if not diagnostics:
            raise ValueError("a Problem needs a diagnostic")
        self.diagnostics = tuple(sorted(diagnostics, key=_order))
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Problem, self.diagnostics)

    @property
    def exit_code(self) -> int:
        return max(CODES[d.code].exit for d in self.diagnostics)


def fail(code: str, message: str, place: Place | None = None, hint: str = "") -> Problem:
    """A Problem with a single diagnostic, to be raised by the caller."""
    return Problem(Diagnostic(code, message, place, hint))


def raise_errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Raise the errors among `diagnostics` together; return the rest.

    Raises:
        Problem: when there is at least one error.
    """
    found = tuple(diagnostics)
    errors = [d for d in found if d.severity == "error"]
    if errors:
        raise Problem(*errors)
    return found


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    place = diagnostic.place or Place("", 0, 0)
    return (place.file, place.line, place.column, diagnostic.code)
