"""`sources.gharchive`: an inventory of repositories, from public events."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigcode.api import FetchContext, Problem, Unit
from bigcode.api.canonical import canonical
from bigcode_sources.config_events import InventoryConfig
from bigcode_sources.events import Fold, is_id, read_window, report_failure, seconds_of, split_name, window_of

if TYPE_CHECKING:
    import pyarrow as pa

    from bigcode_sources.rows import Row

State = dict[str, Any]
"""What is known of one repository:

`names` name to first and last second seen; `seen` first and last second; `stars`, `forks`, `pushes` events counted;
`created` the earliest second told, `pushed` the latest, zero where unknown; `parent` second told and name, of a fork;
`told` second and what a record of the repository said; `languages` to one; `deleted` the second it was."""


class InventoryCollector:
    """One unit for the window, since what an hour says of a repository may be undone by the next."""

    def __init__(self, config: InventoryConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """The window, known by the digests of its archives.

        Raises:
            Problem: E708 when an unpinned archive cannot be read.
        """
        said = self.config.model_dump(mode="json", by_alias=True, include={"least_stars", "forks"})
        yield Unit("repositories", {"archives": list(window_of(self.config)), **said})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """A row for each repository id: its last name, the id as revision, `repository.json` with canonical JSON as
        content. `released` is when it was made, or first seen. No account but the owner's is in it.

        Raises:
            Problem: E702 when an archive does not have its digest.
        """
        from bigcode_sources.rows import batches_of, table_of

        with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
            fold: Fold[State] = Fold(join, Path(folder))
            try:
                for event in read_window(self.config, unit, ctx):
                    for repository, state in states_of(event):
                        fold.add(f"{repository:020d}", state)
            except Problem as problem:
                report_failure(problem, ctx)
                return table_of(())
            return batches_of(self._rows(fold, ctx))

    def _rows(self, fold: Fold[State], ctx: FetchContext) -> Iterator[Row]:
        holders = _holders(fold)
        for key, state in fold.items():
            record = record_of(int(key), state, holders)
            names = split_name(record.get("name"))
            if names is None:
                ctx.omit("no-name")
            elif record["fork"] and not self.config.forks:
                ctx.omit("fork")
            elif max(record["stars"]["seen"], record["stars"].get("told", 0)) < self.config.least_stars:
                ctx.omit("few-stars")
            else:
                made = state["created"] or state["seen"][0]
                yield ("github.com", *names, str(int(key)), "repository.json", made, canonical(record))


def states_of(event: dict[str, Any]) -> Iterator[tuple[int, State]]:
    """What one event says of repositories, by id."""
    time = seconds_of(event.get("created_at"))
    kind, payload = event.get("type"), event.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    repo = event.get("repo") or event.get("repository")
    if not isinstance(repo, dict) or not is_id(repo.get("id")):
        return
    name = _full_name(repo)
    state = _state(time, name)
    if kind == "WatchEvent":
        state["stars"] = 1
    elif kind == "ForkEvent":
        state["forks"] = 1
        forkee = payload.get("forkee")
        if isinstance(forkee, dict) and is_id(forkee.get("id")):
            fork = _state(time, _full_name(forkee)) | _told(forkee, time)
            fork["parent"] = [time, name]
            yield forkee["id"], fork
    elif kind == "PushEvent":
        state |= {"pushes": 1, "pushed": time}
    elif kind == "CreateEvent" and payload.get("ref_type") == "repository":
        state["created"] = time
    elif kind == "DeleteEvent" and payload.get("ref_type") == "repository":
        state["deleted"] = time
    elif kind == "PullRequestEvent":
        pull = payload.get("pull_request")
        base = pull.get("base") if isinstance(pull, dict) else None
        full = base.get("repo") if isinstance(base, dict) else None
        if isinstance(full, dict) and full.get("id") == repo["id"]:
            state |= _told(full, time)
    if "repository" in event and "repo" not in event:
        # Events before 2015 carry the record of the repository itself.
        state |= {k: v for k, v in _told(repo, time).items() if not state[k] or k in ("told", "languages")}
    yield repo["id"], state


def join(a: State, b: State) -> State:
    """Both states as one; the order of the two does not matter."""
    names = dict(a["names"])
    for name, (first, last) in b["names"].items():
        known = names.get(name, [first, last])
        names[name] = [min(known[0], first), max(known[1], last)]
    parents = [p for p in (a["parent"], b["parent"]) if p]
    made = [s for s in (a["created"], b["created"]) if s]
    told = [t for t in (a["told"], b["told"]) if t]
    return {
        "names": names,
        "seen": [min(a["seen"][0], b["seen"][0]), max(a["seen"][1], b["seen"][1])],
        "stars": a["stars"] + b["stars"],
        "forks": a["forks"] + b["forks"],
        "pushes": a["pushes"] + b["pushes"],
        "created": min(made, default=0),
        "pushed": max(a["pushed"], b["pushed"]),
        "parent": max(parents, default=[]),
        "told": max(told, key=lambda t: (t[0], canonical(t[1])), default=[]),
        "languages": {**a["languages"], **b["languages"]},
        "deleted": max(a["deleted"], b["deleted"]),
    }


def record_of(repository: int, state: State, holders: dict[str, int]) -> dict[str, Any]:
    """What `repository.json` says. A name that another repository was seen to hold later is no longer this one's."""
    order, name = _order(state), _last_name(state)
    told = state["told"][1] if state["told"] else {}
    record: dict[str, Any] = {
        "id": repository,
        "name": name,
        "fork": bool(state["parent"]) or told.get("fork") is True,
        "stars": {"seen": state["stars"]},
        "forks": {"seen": state["forks"]},
        "pushes": state["pushes"],
        "first_seen": state["seen"][0],
        "last_seen": state["seen"][1],
        # What was seen after its deletion was not deleted.
        "deleted": bool(state["deleted"]) and state["deleted"] >= state["seen"][1],
    }
    for ours, theirs in (("stars", "stargazers_count"), ("forks", "forks_count")):
        if is_id(told.get(theirs)):
            record[ours]["told"] = told[theirs]
    optional = {
        "parent": state["parent"][1] if state["parent"] else "",
        "renamed_from": order[:-1],
        "languages": sorted(state["languages"]),
        "license": told.get("license") or "",
        "created": state["created"],
        "pushed": state["pushed"],
    }
    record |= {key: value for key, value in optional.items() if value}
    if holders.get(name, repository) != repository:
        record["name_taken_by"] = holders[name]
    return record


def _holders(fold: Fold[State]) -> dict[str, int]:
    """For names that several repositories bore last: which bore it last of all. Sixteen bytes a repository are held,
    since most names are borne by one."""
    import numpy as np

    marks = np.fromiter((_mark(_last_name(state)) for _, state in fold.items()), np.uint64)
    found, counts = np.unique(marks, return_counts=True)
    shared = set(found[counts > 1].tolist())
    latest: dict[str, tuple[int, int]] = {}
    for key, state in fold.items() if shared else ():
        name = _last_name(state)
        if name and _mark(name) in shared:
            latest[name] = max(latest.get(name, (0, 0)), (state["names"][name][1], int(key)))
    return {name: repository for name, (_, repository) in latest.items()}


def _mark(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def _order(state: State) -> list[str]:
    return sorted(state["names"], key=lambda n: (state["names"][n][1], state["names"][n][0], n))


def _last_name(state: State) -> str:
    return _order(state)[-1] if state["names"] else ""


def _state(time: int, name: str) -> State:
    return {
        "names": {name: [time, time]} if name else {}, "seen": [time, time], "stars": 0, "forks": 0, "pushes": 0,
        "created": 0, "pushed": 0, "parent": [], "told": [], "languages": {}, "deleted": 0,
    }  # fmt: skip


def _told(record: dict[str, Any], time: int) -> State:
    terms = record.get("license")
    license_id = terms.get("spdx_id") if isinstance(terms, dict) else None
    kept = {k: record.get(k) for k in ("fork", "stargazers_count", "forks_count")}
    kept["license"] = license_id if _is_word(license_id) else None
    language = record.get("language")
    return {
        "told": [time, {k: v for k, v in kept.items() if isinstance(v, bool | int) or _is_word(v)}],
        "languages": {language: 1} if _is_word(language) else {},
        "created": seconds_of(record.get("created_at")),
        "pushed": seconds_of(record.get("pushed_at")),
    }


def _full_name(repo: dict[str, Any]) -> str:
    owner, name = repo.get("owner"), repo.get("full_name") or repo.get("name")
    if isinstance(name, str) and "/" not in name and isinstance(owner, str):
        name = f"{owner}/{name}"
    return "/".join(split_name(name) or ())


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()
