"""Observers that observe nothing, so that a run does the work of its peers and no more."""
