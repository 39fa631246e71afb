"""Tokenizers, token shards and the training of causal language models."""
