"""The page at `/`: what this service offers, as links."""

from .router import router

__all__ = ["router"]
