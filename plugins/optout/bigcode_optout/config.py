"""Settings of `optout.signals`."""

from __future__ import annotations

from typing import Literal

from bigcode.api import Config

Kind = Literal["gitattributes", "github", "tdmrep", "ai-txt", "robots"]


class SignalsConfig(Config):
    kinds: tuple[Kind, ...] = ("gitattributes", "github", "tdmrep", "ai-txt")
    """Which declarations are read. `robots` speaks of a web site that a repository may be the source of, not of the
    repository, and is left out unless named."""
    permissions: tuple[str, ...] = ("ai-training", "ai-train", "train-ai")
    """Attributes of `.gitattributes` that deny when they are false or unset."""
    refusals: tuple[str, ...] = ("noai", "no-ai", "ai-opt-out", "ai-optout")
    """Attributes of `.gitattributes` that deny when they are set."""
    agents: tuple[str, ...] = (
        "GPTBot",
        "Google-Extended",
        "CCBot",
        "ClaudeBot",
        "anthropic-ai",
        "Applebot-Extended",
        "Bytespider",
        "Meta-ExternalAgent",
        "cohere-ai",
    )
    """Agents in `robots.txt` that collect what models are trained on."""
