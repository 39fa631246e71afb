"""The grammars that `quality.parse` can ask: a language, as the language table names it, to a tree-sitter grammar."""

from __future__ import annotations

GRAMMARS: dict[str, tuple[str, str]] = {
    "C": ("c", "c h"),
    "C#": ("csharp", "cs csx"),
    "C++": ("cpp", "cc cpp cxx c++ h hh hpp hxx h++ ipp tpp inl"),
    "CSS": ("css", "css"),
    "Dart": ("dart", "dart"),
    "Elixir": ("elixir", "ex exs"),
    "Go": ("go", "go"),
    "HTML": ("html", "html htm xhtml"),
    "Haskell": ("haskell", "hs"),
    "JSON": ("json", "json"),
    "Java": ("java", "java"),
    "JavaScript": ("javascript", "js mjs cjs jsx"),
    "Julia": ("julia", "jl"),
    "Kotlin": ("kotlin", "kt kts"),
    "Lua": ("lua", "lua"),
    "OCaml": ("ocaml", "ml"),
    "PHP": ("php", "php"),
    "Python": ("python", "py pyi pyw"),
    "R": ("r", "r"),
    "Ruby": ("ruby", "rb rake gemspec"),
    "Rust": ("rust", "rs"),
    "Scala": ("scala", "scala sbt"),
    "Shell": ("bash", "sh bash"),
    "Swift": ("swift", "swift"),
    "TOML": ("toml", "toml"),
    "TSX": ("tsx", "tsx"),
    "TypeScript": ("typescript", "ts mts cts"),
    "Zig": ("zig", "zig"),
}
"""Name of the grammar and extensions. An extension of several languages, such as `.h`, is read as each of them."""


def extensions_of(language: str) -> tuple[str, ...]:
    """The extensions of a language, with their dots."""
    return tuple("." + extension for extension in GRAMMARS[language][1].split())
