"""Why a file is in a dataset or not."""

from __future__ import annotations

from typing import Any

from bigcode.api.diagnostics import Problem, fail
from bigcode.decide.columns import file_id
from bigcode.decide.optout import row_key
from bigcode.run.consent import read_list
from bigcode.run.records import recorded_results
from bigcode.run.session import Session
from bigcode.store.tables import read_table


def explain_file(session: Session, address: str, file: str) -> list[dict[str, Any]]:
    """Verdicts of `HOST/OWNER/REPO:PATH` (all revisions), or of one revision with `REPO@REVISION`.

    Rows that an opt-out touches are found only where the sealed list can be read.

    Raises:
        Problem: E004 when the snapshot has no such file, E507 when nothing was applied.
    """
    graph = session.graph((address,))
    results = recorded_results(graph, session.store)
    rows: list[dict[str, Any]] = []
    for action in results[f"{address}#verdicts"].values():
        rows += read_table(session.store.objects, action.outputs["verdicts"][0].digest).to_pylist()
    found = [row for row in rows if row["path"] is not None and file in _names(row)]
    found += _hidden(session, address, file, rows, results)
    if not found:
        raise fail(
            "E004",
            f"{address} has no file `{file}`",
            hint="Write HOST/OWNER/REPO:PATH, for example pypi/pip/pip:src/pip/__init__.py.",
        )
    return sorted(found, key=lambda r: str(r["row"]))


def _names(row: dict[str, Any]) -> tuple[str, str]:
    stem = f"{row['host']}/{row['owner']}/{row['repository']}"
    return f"{stem}:{row['path']}", f"{stem}@{row['revision']}:{row['path']}"


def _hidden(
    session: Session, address: str, file: str, rows: list[dict[str, Any]], results: Any
) -> list[dict[str, Any]]:
    try:
        lists = session.open_lists()
    except Problem:
        return []
    optout = session.workspace.address_of(session.workspace.resources[address].spec.opt_out)
    secret = next(read_list(sealed.data)[1] for sealed in lists if sealed.address == optout)
    hidden = {row["row"]: row["reason"] for row in rows if row["path"] is None}
    found = []
    for action in results[f"{address}#gather"].values():
        table = read_table(
            session.store.objects,
            action.outputs["observations"][0].digest,
            ["host", "owner", "repository", "revision", "path"],
        )
        for row in table.to_pylist():
            if file in _names(row):
                name = file_id(row["host"], row["owner"], row["repository"], row["revision"], row["path"])
                reason = hidden.get(row_key(secret, name))
                if reason:
                    found.append({"row": name, "reason": reason})
    return found
