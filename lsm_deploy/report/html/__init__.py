"""Reports as HTML."""

from lsm_deploy.report.html.render import fragment

__all__ = ["fragment"]
