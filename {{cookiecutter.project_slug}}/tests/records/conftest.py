from tests.streaming.conftest import http

__all__ = ["http"]
