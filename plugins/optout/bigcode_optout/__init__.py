"""Declarations about the training of models, read from the repositories themselves."""
