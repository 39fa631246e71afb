"""Tokenizers, and documents as token shards."""
