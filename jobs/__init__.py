"""The Dask jobs: the only folder that knows an engine."""

from jobs.engine import dask_engine

__all__ = ["dask_engine"]
