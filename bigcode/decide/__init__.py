"""Pure judgements: observations and policies to one verdict per file. Nothing here reads or writes anything."""
