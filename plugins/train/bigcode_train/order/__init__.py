"""Which tokens stand in which row: mixtures, packing, and documents whose middle is filled in."""
