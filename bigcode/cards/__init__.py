"""Documents about resources: facts and prose in, Markdown and one self-contained page out, each number traced."""
