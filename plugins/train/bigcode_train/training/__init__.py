"""The run of a training: its loop, checkpoints, ranks and stages."""
