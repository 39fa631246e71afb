"""Programs of the tiny corpus, written for it and given away (CC0-1.0)."""

from __future__ import annotations

from hashlib import sha256

RETRY = '''\
"""Call again what failed, with a growing pause between the attempts."""

from typing import Callable, Iterator, TypeVar

T = TypeVar("T")


def pauses(first: float, factor: float, limit: int) -> Iterator[float]:
    """Seconds to wait before each further attempt."""
    seconds = first
    for _ in range(limit):
        yield seconds
        seconds *= factor


def retry(call: Callable[[], T], wait: Callable[[float], None], limit: int = 5) -> T:
    """The first result of `call`; the last error when every attempt fails."""
    last: Exception | None = None
    for seconds in pauses(0.1, 2.0, limit):
        try:
            return call()
        except OSError as error:
            last = error
            wait(seconds)
    raise RuntimeError("no attempt succeeded") from last
'''

SESSION = '''\
"""A session keeps headers and cookies between requests."""

from dataclasses import dataclass, field


@dataclass
class Session:
    base: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return self.base.rstrip("/") + "/" + path.lstrip("/")

    def remember(self, line: str) -> None:
        """Keep the cookie of a Set-Cookie line; attributes are ignored."""
        name, _, rest = line.partition("=")
        value, _, _ = rest.partition(";")
        self.cookies[name.strip()] = value.strip()

    def cookie_line(self) -> str:
        pairs = sorted(self.cookies.items())
        return "; ".join(f"{name}={value}" for name, value in pairs)
'''

TREE = '''\
"""A sorted tree of words that answers which words share a beginning."""


class Node:
    def __init__(self) -> None:
        self.children: dict[str, "Node"] = {}
        self.ends = False


def insert(root: Node, word: str) -> None:
    node = root
    for letter in word:
        node = node.children.setdefault(letter, Node())
    node.ends = True


def complete(root: Node, beginning: str) -> list[str]:
    node = root
    for letter in beginning:
        if letter not in node.children:
            return []
        node = node.children[letter]
    found: list[str] = []
    stack = [(node, beginning)]
    while stack:
        here, word = stack.pop()
        if here.ends:
            found.append(word)
        for letter, child in here.children.items():
            stack.append((child, word + letter))
    return sorted(found)
'''

GRID = '''\
"""Shortest ways through a grid of open and closed cells."""

from collections import deque

Cell = tuple[int, int]


def neighbours(cell: Cell, rows: int, columns: int) -> list[Cell]:
    row, column = cell
    around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return [(r, c) for r, c in around if 0 <= r < rows and 0 <= c < columns]


def distance(closed: set[Cell], start: Cell, goal: Cell, rows: int, columns: int) -> int:
    """Number of steps from start to goal, or minus one when there is no way."""
    waiting = deque([(start, 0)])
    seen = {start}
    while waiting:
        cell, steps = waiting.popleft()
        if cell == goal:
            return steps
        for other in neighbours(cell, rows, columns):
            if other not in seen and other not in closed:
                seen.add(other)
                waiting.append((other, steps + 1))
    return -1
'''

RING_C = """\
#include <stddef.h>
#include "ring.h"

/* A ring holds the newest `size` values; older ones are overwritten. */
void ring_init(struct ring *ring, int *slots, size_t size) {
    ring->slots = slots;
    ring->size = size;
    ring->next = 0;
    ring->count = 0;
}

void ring_push(struct ring *ring, int value) {
    ring->slots[ring->next] = value;
    ring->next = (ring->next + 1) % ring->size;
    if (ring->count < ring->size) {
        ring->count += 1;
    }
}

int ring_sum(const struct ring *ring) {
    int sum = 0;
    for (size_t i = 0; i < ring->count; i++) {
        sum += ring->slots[i];
    }
    return sum;
}
"""

RING_H = """\
#ifndef RING_H
#define RING_H
#include <stddef.h>

struct ring {
    int *slots;
    size_t size, next, count;
};

void ring_init(struct ring *ring, int *slots, size_t size);
void ring_push(struct ring *ring, int value);
int ring_sum(const struct ring *ring);
#endif
"""

WIDGET_TS = """\
export interface Point { x: number; y: number }

export function hull(points: Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const turn = (o: Point, a: Point, b: Point) =>
    (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  const half = (input: Point[]) => {
    const out: Point[] = [];
    for (const point of input) {
      while (out.length >= 2 && turn(out[out.length - 2], out[out.length - 1], point) <= 0) {
        out.pop();
      }
      out.push(point);
    }
    out.pop();
    return out;
  };
  return half(sorted).concat(half(sorted.reverse()));
}
"""

WIDGET_JS = """\
const table = new Map();

export function label(name, render) {
  if (!table.has(name)) {
    table.set(name, render(name));
  }
  return table.get(name);
}

export function clear(prefix) {
  for (const key of [...table.keys()]) {
    if (key.startsWith(prefix)) table.delete(key);
  }
}
"""

COUNTER_GO = """\
package counter

import "sort"

// Top returns the n most frequent words; ties are in the order of the words.
func Top(words []string, n int) []string {
	counts := map[string]int{}
	for _, word := range words {
		counts[word]++
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if counts[names[i]] != counts[names[j]] {
			return counts[names[i]] > counts[names[j]]
		}
		return names[i] < names[j]
	})
	if len(names) > n {
		names = names[:n]
	}
	return names
}
"""

ROMAN_RS = """\
/// Writes a number below four thousand with Roman digits.
pub fn roman(mut number: u32) -> String {
    let table = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
        (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
    let mut out = String::new();
    for (value, digits) in table {
        while number >= value {
            out.push_str(digits);
            number -= value;
        }
    }
    out
}
"""

BACKUP_SH = """\
#!/bin/sh
# Copies a folder into a dated archive and keeps the newest five.
set -eu
source=$1
target=$2
name=$(basename "$source")-$(date +%Y%m%d).tar.gz
tar -czf "$target/$name" "$source"
ls -1t "$target" | tail -n +6 | while read -r old; do
    rm -- "$target/$old"
done
"""


def invent(prefix: str, length: int, seed: str, letters: str = "") -> str:
    """A made-up credential: `prefix` and `length` letters drawn from the digest of `seed`.

    Made at run time, so that no file of the repository holds a string which looks like a secret.
    """
    alphabet = letters or "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    stream = b"".join(sha256(f"{seed}/{block}".encode()).digest() for block in range(length // 32 + 1))
    return prefix + "".join(alphabet[byte % len(alphabet)] for byte in stream[:length])
