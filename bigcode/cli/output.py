"""Where results and progress go: stdout and stderr, text, or one versioned JSON document."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

import click

from bigcode.api.diagnostics import Diagnostic
from bigcode.plan.graph import Node

JSON_VERSION = 1


def emit_json(kind: str, value: Any) -> None:
    """One document on stdout, with its kind and the version of its form."""
    click.echo(
        json.dumps(
            {"format": f"bigcode.{kind}/{JSON_VERSION}", **value},
            indent=2,
            sort_keys=True,
            ensure_ascii=False,
        )
    )


def say(text: str = "") -> None:
    """Progress and remarks, on stderr."""
    click.echo(text, err=True)


def program() -> str:
    """How this program was called, so that a command printed for copying works as it stands."""
    called = sys.argv[0]
    if not called.endswith("/bigcode"):
        return "bigcode"
    return "bigcode" if shutil.which("bigcode") == called else os.path.relpath(called)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


class LineProgress:
    """One line for each finished node that did work."""

    def warned(self, warning: Diagnostic) -> None:
        say(str(warning))

    def node_started(self, node: Node, tasks: int) -> None:
        """Only what is finished is told."""

    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None:
        for warning in warnings:
            say(f"  {node.id} {label}: {warning}")

    def node_progress(self, node: Node, done: int, total: int) -> None:
        """Only what is finished is told."""

    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None:
        """The diagnostics are printed at the end, all at once."""

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        if ran:
            more = f", {reused} reused" if reused else ""
            say(f"{node.id:<58} {plural(ran, 'task'):>10}{more}  {duration(seconds)}")
        elif held:
            say(f"{node.id:<58}     pinned (its data has moved on)")


class BarProgress:
    """A bar for each node at work, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._lines = LineProgress()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def warned(self, warning: Diagnostic) -> None:
        self._bars.console.print(str(warning), markup=False, highlight=False)

    def node_started(self, node: Node, tasks: int) -> None:
        if node.id in self._tasks:
            self._bars.remove_task(self._tasks[node.id])
        self._tasks[node.id] = self._bars.add_task(node.id, total=tasks)

    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None:
        if node.shape != "process":
            self._bars.advance(self._tasks[node.id])
        for warning in warnings:
            self._bars.console.print(f"  {node.id} {label}: {warning}", markup=False, highlight=False)

    def node_progress(self, node: Node, done: int, total: int) -> None:
        self._bars.update(self._tasks[node.id], completed=done, total=total)

    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None:
        if node.id in self._tasks:
            self._bars.remove_task(self._tasks.pop(node.id))

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        if node.id in self._tasks:
            self._bars.remove_task(self._tasks.pop(node.id))
        if ran:
            self._bars.console.print(
                f"{node.id}  {plural(ran, 'task')}  {duration(seconds)}", markup=False, highlight=False
            )


class Quiet(LineProgress):
    """For --json: nothing on the way."""

    def warned(self, warning: Diagnostic) -> None:
        """Warnings are in the document."""

    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None:
        """Warnings are in the document."""

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        """The document tells it."""


def progress(json_output: bool) -> Any:
    """The progress that fits: bars on a terminal, a line a node elsewhere."""
    if json_output:
        return Quiet()
    return BarProgress() if sys.stderr.isatty() else LineProgress()
