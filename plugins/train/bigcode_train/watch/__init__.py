"""What looks at a run: guards, layers, spikes."""
