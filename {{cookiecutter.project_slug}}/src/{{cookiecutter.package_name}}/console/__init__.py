"""The page at `/`: every module at work, driven by the client examples themselves.

A module brings `static/pieces/<module>.html` and `.js`; one without is listed by its links. Deleting
this folder removes the page, and nothing else.
"""

from .router import router

__all__ = ["router"]
