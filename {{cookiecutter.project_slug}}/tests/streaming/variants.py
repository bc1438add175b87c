"""The failing app as teams extend theirs; the tests of what a stream keeps to serve each variant."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.middleware.base import RequestResponseEndpoint

from .failing_app import app


def add_http_middleware(app: FastAPI) -> None:
    @app.middleware("http")
    async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


def trace_natively(app: FastAPI) -> None:
    """FastAPI's own telemetry begins once there is a provider."""
    trace.set_tracer_provider(provide_spans(app))


def instrument(app: FastAPI) -> None:
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provide_spans(app))


def provide_spans(app: FastAPI) -> TracerProvider:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    @app.get("/spans")
    async def list_spans() -> list[tuple[str, str]]:
        """The name and the status of each that has ended."""
        return [(span.name, span.status.status_code.name) for span in spans.get_finished_spans()]

    return provider


VARIANTS: dict[str, Callable[[FastAPI], None]] = {
    "http_middleware": add_http_middleware,
    "native_telemetry": trace_natively,
    "opentelemetry": instrument,
}


def __getattr__(name: str) -> FastAPI:
    if name not in VARIANTS:
        raise AttributeError(name)
    VARIANTS[name](app)
    return app
