"""A seeded search for values of a spec that make its liquid good; `journal` keeps every trial, whatever happens."""

from lsm_deploy.search.journal import Trial
from lsm_deploy.search.trials import Found, search

__all__ = ["Found", "Trial", "search"]
