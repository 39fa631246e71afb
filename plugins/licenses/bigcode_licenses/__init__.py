"""Which licences a file states: as a licence text, as a header, or as metadata of a package."""
