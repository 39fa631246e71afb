"""Settings of the two renderers and of the observer that goes with them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bigcode.api import Config

Mark = Annotated[str, Field(min_length=2)]
Language = Annotated[str, AfterValidator(str.lower)]


class CellsConfig(Config):
    start: str = "<jupyter_start>"
    """Stands before the first cell."""
    text: Mark = "<jupyter_text>"
    code: Mark = "<jupyter_code>"
    output: Mark = "<jupyter_output>"
    empty_output: str = "<empty_output>"
    """Stands for the output of code that printed nothing."""
    output_chars: Annotated[int, Field(ge=0)] = 1000
    """Characters of an output that are kept, cut at the end of a line; with zero there are no outputs at all."""
    languages: tuple[Language, ...] = ()
    """Languages of kernels, such as `python`; notebooks of others are left out. All when empty."""


class ScriptConfig(Config):
    languages: tuple[Language, ...] = ()
    """Languages of kernels, such as `python`; notebooks of others are left out. All when empty."""
    assume: Language = "python"
    """The language of a notebook that does not say."""


class CheckConfig(Config):
    languages: tuple[Language, ...] = ()
    """Those that the renderer is given; notebooks of others are not ok."""
    assume: Language = ""
    """The language of a notebook that does not say, as the renderer has it."""
