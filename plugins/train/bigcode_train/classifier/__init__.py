"""Token classifiers of personal data."""
