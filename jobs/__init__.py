"""The Dask jobs: the only folder that knows an engine."""

from jobs.building import dask_builder
from jobs.engine import dask_engine

__all__ = ["dask_builder", "dask_engine"]
