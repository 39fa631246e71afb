"""The rows of the benchmark table: what a peer took, what the project took, and whether it reaches what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
CHECKING = "text-dedup-checked"
"""The peer that verifies what its bands propose."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` is None where either side was not measured."""

    what: str
    peer: str
    ours: str
    ratio: str
    reach: str
    met: bool | None

    def as_markdown(self) -> str:
        met = "not measured" if self.met is None else "yes" if self.met else "no"
        return f"| {self.what} | {self.peer} | {self.ours} | {self.ratio} | {self.reach} | {met} |"


def rows(figures: Figures) -> list[Row]:
    """The table, in the order of the issue."""
    makers: Sequence[Callable[[Figures], list[Row]]] = (
        _whole,
        _signatures,
        _quality,
        _judged,
        _again,
        _plans,
        _memory,
    )
    return [row for make in makers for row in make(figures)]


def _whole(figures: Figures) -> list[Row]:
    peer, ours = figures["peers"].get("datatrove"), _apply(figures, "dedup", "full")
    out = []
    for key, unit, reach in (("cpu_s", "CPU s", 25), ("wall_s", "s wall", 20)):
        ratio = peer[key] / ours[key] if peer and ours else None
        out.append(
            Row(
                "read, filter, exact and near dedup with exact verification, write, 2 workers",
                f"datatrove {peer[key]:,.1f} {unit}" if peer else "",
                f"{ours[key]:,.1f} {unit}" if ours else "",
                f"{ratio:,.1f}" if ratio else "",
                f"{reach} times less",
                None if ratio is None else ratio >= reach,
            )
        )
    return out


def _signatures(figures: Figures) -> list[Row]:
    speeds = {
        name: peer["signed_mb"] / peer["signing_cpu_s"]
        for name, peer in figures["peers"].items()
        if "signing_cpu_s" in peer
    }
    told = ", ".join(f"{name} {speed:,.1f}" for name, speed in speeds.items())
    kernels = {
        step["engine"]: step["speed"]
        for step in (figures["kernels"] or {}).get("steps", ())
        if step["step"] == "map"
    }
    out = []
    for engine, reach, label in (("numba", 150, ""), ("numpy", 8, ", without the compiled kernel")):
        ours, peer = kernels.get(engine), speeds.get("datasketch")
        out.append(
            Row(
                f"signatures equal to datasketch `affine32`{label}, MB/s a core",
                told,
                f"{ours:,.1f}" if ours else "",
                f"{ours / peer:,.1f}" if ours and peer else "",
                str(reach),
                None if ours is None else ours >= reach,
            )
        )
    return out


def _quality(figures: Figures) -> list[Row]:
    judged = dict(figures["quality"])
    ours, checked = judged.pop("ours-dedup", None), judged.pop(CHECKING, None)
    out = []
    for key, what, most in (
        ("unjustified_share", "removed although no kept file is over the threshold, of removals", 0.0),
        ("missed_share", "kept although a kept twin is over the threshold, of kept", 0.01),
    ):
        shares = sorted(found[key] for found in judged.values())
        told = f"{shares[0]:.1%} to {shares[-1]:.1%}" if shares else ""
        if checked:
            told += f"; {checked[key]:.1%} in the one that verifies"
        out.append(
            Row(
                what,
                told,
                f"{ours[key]:.2%}" if ours else "",
                "",
                f"{most:.0%}" if most else "none",
                ours[key] <= most if ours else None,
            )
        )
    return out


def _judged(figures: Figures) -> list[Row]:
    ours, full = figures["ours"].get("judged"), _apply(figures, "judged", "full")
    speed = ours["bytes"] / 1e6 / full["cpu_s"] if ours and full else None
    return [
        Row(
            "the whole judged pipeline, MB/s a core",
            "no peer does it",
            f"{speed:,.1f}" if speed else "",
            "",
            "25",
            None if speed is None else speed >= 25,
        )
    ]


def _again(figures: Figures) -> list[Row]:
    full, out = _apply(figures, "judged", "full"), []
    for step, what, most in (
        ("again", "nothing changed", 0.03),
        ("changed", "1 % of blobs changed", 0.10),
        ("optout", "one repository opted out", 0.05),
    ):
        found = _apply(figures, "judged", step)
        share = found["cpu_s"] / full["cpu_s"] if found and full else None
        same = (found or {}).get("same")
        digests = {True: ", same digests as clean", False: ", OTHER digests than clean", None: ""}[same]
        out.append(
            Row(
                f"{what}, of a full run",
                "all or nothing, or silently stale",
                f"{share:.1%} of CPU, {found['wall_s'] / full['wall_s']:.1%} of wall{digests}"
                if share
                else "",
                "",
                f"{most:.0%}, same value digests",
                None if share is None else share <= most and same is not False,
            )
        )
    return out


def _plans(figures: Figures) -> list[Row]:
    out = []
    for key, count, what, most in (
        ("graph", "nodes", "`plan` of {:,} nodes", 10),
        ("impact", "files", "exact impact of one opt-out over {:,} files", 30),
    ):
        found, asked = figures[key], {"graph": 100_000, "impact": 10_000_000}[key]
        out.append(
            Row(
                what.format(found[count] if found else asked),
                "none",
                f"{found['wall_s']:,.1f} s" if found else "",
                "",
                f"{most} s for {asked:,}",
                None if not found or found[count] < asked else found["wall_s"] <= most,
            )
        )
    return out


def _memory(figures: Figures) -> list[Row]:
    out = []
    for work in ("dedup", "judged"):
        small, grown = figures["ours"].get(work), figures["grown"][work]
        if not small or not grown:
            out.append(
                Row(
                    f"peak memory when the corpus grows tenfold ({work})", "linear", "", "", "1.5 times", None
                )
            )
            continue
        before, after = (found["applies"]["full"]["peak_anonymous_mb"] for found in (small, grown))
        out.append(
            Row(
                f"peak memory when the corpus grows {grown['bytes'] / small['bytes']:.1f} times ({work})",
                "linear",
                f"{before:,.0f} to {after:,.0f} MB",
                f"{after / before:.2f}",
                "1.5 times",
                after / before <= 1.5,
            )
        )
    return out


def _apply(figures: Figures, work: str, step: str) -> Any:
    found = figures["ours"].get(work)
    return found["applies"].get(step) if found else None
