"""A dataset and all its siblings in one workspace: real repositories of git, archives of events, and notebooks."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workspaces import edit_spec, resource, specs, write_spec

from bigcode.cli import run
from bigcode.evidence.consent import new_list, render_list
from bigcode.testing import notices, texts
from bigcode.testing.corpus import SPDX

NORA, OTTO = "nora.quill" + "@" + "harbour-mail.zz", "otto.brand" + "@" + "harbour-mail.zz"
"""Who wrote the commits."""
PIA, QUIN, ROY = "pia-writes-7", "quindelweaver", "roylandsmith"
"""Who wrote in issues."""
IN_TEXT = "team.desk" + "@" + "lantern-mail.zz"
"""In the text of files; nobody's account."""
HOLDER = "cy.maker" + "@" + "lantern-mail.zz"
KINDS = ("issues", "commits", "metadata", "notebooks", "near", "redacted")


class Repository:
    """A repository in a folder, written by git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._git("init", "-q")

    def commit(self, message: str, files: Mapping[str, str | bytes], mail: str, day: int) -> str:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self._git("add", "-A")
        date = f"2021-03-{day:02d}T12:00:00Z"
        self._git(
            "commit",
            "-q",
            "-m",
            message,
            GIT_AUTHOR_EMAIL=mail,
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str, **settings: str) -> str:
        same = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c",
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *words],
            cwd=self.folder, env=same | settings, capture_output=True, check=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()


def notebook(*cells: tuple[str, str], printed: str = "") -> str:
    """A notebook of nbformat 4 as Jupyter writes it."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": [printed]}] if printed else []
    return json.dumps(
        {
            "cells": [
                {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
                | ({"execution_count": 1, "outputs": outputs} if kind == "code" else {})
                for kind, source in cells
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    )


WALK = notebook(
    ("markdown", "# Ways\n\nAsk the desk."),
    ("code", f"from kit.grid import ways\nprint('write to:\\n{IN_TEXT}')\n"),
    printed="3\n",
)


def event(kind: str, minute: int, repo: tuple[int, str], **payload: Any) -> dict[str, Any]:
    return {
        "id": str(minute), "type": kind, "actor": {"id": 1, "login": "watcher-x"},
        "repo": {"id": repo[0], "name": repo[1]}, "payload": payload, "created_at": f"2021-04-01T12:{minute:02d}:00Z",
    }  # fmt: skip


def issue(number: int, body: str, login: str, title: str = "It stops") -> dict[str, Any]:
    return {
        "number": number, "title": title, "body": body, "user": {"login": login, "type": "User"},
        "created_at": "2021-04-01T10:00:00Z", "updated_at": "2021-04-01T10:00:00Z",
    }  # fmt: skip


def comment(ident: int, body: str, login: str, minute: int) -> dict[str, Any]:
    at = f"2021-04-01T11:{minute:02d}:00Z"
    return {"id": ident, "body": body, "user": {"login": login}, "created_at": at, "updated_at": at}


KIT, TOOL, LIB = (7, "ann/kit"), (8, "cy/tool"), (9, "gil/lib")


def events() -> list[dict[str, Any]]:
    first = issue(3, "The grid stops at the first wall. It should go on.", PIA)
    second = issue(4, f"Tools of @{PIA} are good. Thank you all.", QUIN, "Praise")
    record = {
        "id": 7, "full_name": "ann/kit", "fork": False, "stargazers_count": 40, "forks_count": 3, "language": "Python",
        "license": {"spdx_id": "Apache-2.0"}, "created_at": "2020-01-01T00:00:00Z", "pushed_at": "2021-03-02T12:00:00Z",
    }  # fmt: skip
    said = [
        comment(31, f"@{PIA} cannot see it here, and @stranger-5 neither.", QUIN, 5),
        comment(32, f"> @{PIA} cannot\n\n{PIA} is right, @{QUIN.title()}: `@{QUIN}`, look again.", ROY, 9),
        comment(33, f"Thank you, @{ROY}. It is @{QUIN} who found it.", PIA, 12),
    ]
    return [
        event("IssuesEvent", 1, KIT, action="opened", issue=first),
        *(
            event("IssueCommentEvent", 2 + n, KIT, action="created", issue=first, comment=c)
            for n, c in enumerate(said)
        ),
        event("IssuesEvent", 6, KIT, action="opened", issue=second),
        event("IssuesEvent", 7, LIB, action="opened", issue=issue(1, "Nobody may read what I say.", QUIN)),
        event("WatchEvent", 8, KIT),
        event("PullRequestEvent", 9, KIT, pull_request={"base": {"repo": record}}),
        event("PushEvent", 10, (8, "cy/hammer")),
        event("PushEvent", 11, TOOL),
        event("ForkEvent", 12, KIT, forkee={"id": 10, "full_name": "fay/kit", "fork": True}),
        event("WatchEvent", 13, LIB),
    ]


def repositories(root: Path) -> list[dict[str, Any]]:
    """What a spec says of three repositories that are made here."""
    kit, tool, lib = (Repository(root / name) for name in ("kit", "tool", "lib"))
    kit.commit(
        "Start\n\nThe grid, for a start.",
        {"LICENSE": notices.MIT, "kit/grid.py": texts.GRID, "kit/tree.py": texts.TREE}, NORA, 1,
    )  # fmt: skip
    trailers = f"Signed-off-by: Nora Quill <{NORA}>\nCo-authored-by: Quin <5+{QUIN}@users.noreply.github.com>"
    said = f"Show the way\n\nAsked for by @{QUIN}; tell {OTTO} and {IN_TEXT}.\n\n{trailers}"
    files = {"walk.ipynb": WALK, "broken.ipynb": WALK[:-200], "kit/desk.py": f"DESK = '{IN_TEXT}'\n"}
    tips = {"kit": kit.commit(said, files, OTTO, 2)}
    tips["tool"] = tool.commit(
        "A tool",
        {
            "LICENSE": notices.ISC.replace(
                "Copyright", f"Copyright (c) 2021 Cy Maker <{HOLDER}>\nCopyright", 1
            ),
            "ways.py": texts.GRID.replace("Shortest ways through a grid", "Ways through a grid"),
            "retry.py": f"# Copyright (c) 2022 Cy Maker <{HOLDER}>\n# {SPDX}ISC\n{texts.RETRY}",
        },
        NORA,
        3,
    )
    tips["lib"] = lib.commit("Ring", {"COPYING": notices.GPL_NOTICE, "ring.c": texts.RING_C}, OTTO, 4)
    owners = {"kit": "ann", "tool": "cy", "lib": "gil"}
    return [
        {
            "url": f"../repositories/{name}",
            "commit": tip,
            "owner": owners[name],
            "name": name,
            "host": "github.com",
        }
        for name, tip in tips.items()
    ]


def snapshot(name: str, uses: str, version: int = 1, **settings: Any) -> dict[str, Any]:
    collector = {"uses": uses, "version": version, "with": settings}
    return resource("Snapshot", name, {"collector": collector, "buckets": 2})


def sibling_specs(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The files of the workspace: a dataset that keeps what it finds, and its siblings."""
    base = specs()
    files = {name: base[name] for name in ("project.yaml", "licenses.yaml", "optout.yaml", "pii.yaml")}
    files["licenses.yaml"]["spec"]["classifier"] = {"uses": "licenses.tiers", "version": 1}
    files["optout.yaml"]["spec"]["scopes"] = [
        "owner",
        "repository",
        "path",
        "blob",
        "commit-author",
        "issue-author",
    ]
    keep = {"detector": files["pii.yaml"]["spec"]["detector"], "entities": {"EMAIL": {"action": "keep"}}}
    files["keep.yaml"] = resource(
        "PIIPolicy", "keep", keep, owners=["wg"], rationale="governance/decisions/0001.md"
    )
    archives = [{"path": "../hours/*.json.gz"}]
    files |= {
        "code.snap.yaml": snapshot("code", "sources.git", 2, repositories=list(found)),
        "commits.snap.yaml": snapshot("commits", "sources.git-commits", repositories=list(found)),
        "issues.snap.yaml": snapshot("issues", "sources.gharchive-issues", archives=archives, mentions=True),
        "metadata.snap.yaml": snapshot("metadata", "sources.gharchive", archives=archives),
    }
    shared = {
        "licenses": "LicensePolicy/permissive",
        "optOut": "OptOutSnapshot/list",
        "split": {"validation": 0},
    }
    detector = {"detector": {"uses": "languages.linguist", "version": 1}}
    code = {"snapshot": "Snapshot/code", "pii": "PIIPolicy/keep", "languages": detector, **shared}
    of = {"of": "Dataset/code", "pii": "PIIPolicy/mask", **shared}
    minhash = {"uses": "dedup.minhash", "version": 2, "with": {"threshold": 0.7}}
    notebooks = {
        "languages": {**detector, "include": ["Jupyter Notebook"]},
        "quality": {
            "observers": [{"uses": "notebooks.check", "version": 1}],
            "rules": [{"id": "broken-notebook", "column": "notebook_ok", "equals": False}],
        },
        "export": {"render": {"uses": "notebooks.cells", "version": 1}},
    }
    datasets: dict[str, dict[str, Any]] = {
        "code": code,
        "issues": {**of, "snapshot": "Snapshot/issues", "sibling": "issues"},
        "commits": {**of, "snapshot": "Snapshot/commits", "sibling": "commits"},
        "metadata": {**of, "snapshot": "Snapshot/metadata", "sibling": "metadata"},
        "notebooks": {**of, "snapshot": "Snapshot/code", "sibling": "notebooks", **notebooks},
        "near": {**code, "of": "Dataset/code", "sibling": "near-dedup", "dedup": minhash},
        "redacted": {**code, **of, "sibling": "redacted"},
    }
    for name, spec in datasets.items():
        files[f"{name}.yaml"] = resource("Dataset", name, spec)
    for name in datasets:
        card = {"subject": f"Dataset/{name}", "template": "dataset-card"}
        files[f"{name}.card.yaml"] = resource("Card", name, card)
        spec = {"artifacts": {"dataset": f"Dataset/{name}"}}
        files[f"{name}.release.yaml"] = resource("Release", name, spec)
    return files


def make_workspace(root: Path) -> Path:
    (root / "hours").mkdir()
    lines = b"".join(json.dumps(e).encode() + b"\n" for e in events())
    (root / "hours" / "2021-04-01-12.json.gz").write_bytes(gzip.compress(lines, mtime=0))
    space = root / "tiny"
    space.mkdir()
    for file, value in sibling_specs(repositories(root / "repositories")).items():
        write_spec(space / file, value)
    edit_spec(space / "project.yaml", "execution", "releases", value="releases")
    assert run(["optout", "key", str(space)]) == 0
    (space / "optouts").mkdir(exist_ok=True)
    (space / "optouts" / "list.json").write_bytes(
        render_list(new_list("made for a test") | {"salt": "5a" * 32})
    )
    assert run(["optout", "seal", str(space)]) == 0
    (space / ".bigcode" / "work").mkdir(exist_ok=True)
    return space
