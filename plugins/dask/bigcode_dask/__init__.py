"""The executor over dask.distributed: a local cluster, or one that runs already."""
