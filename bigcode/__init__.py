"""Build code models from specs under review, with evidence that anyone can check offline."""

__version__ = "0.1.0"
