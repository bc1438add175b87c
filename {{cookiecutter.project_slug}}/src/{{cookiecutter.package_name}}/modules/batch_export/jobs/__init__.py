"""Exports that are made first, in segments, and fetched later."""

from .router import State, lifespan, router

__all__ = ["State", "lifespan", "router"]
