"""Reports as HTML: a piece of it for a notebook, or a page, which is one file and asks no network for anything."""

from lsm_deploy.report.html.render import fragment, page_text, save_page

__all__ = ["fragment", "page_text", "save_page"]
