import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from app.api import items
from app.core.config import settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, str], None]:
    app.state.opened = True
    yield {"shop": "open"}
    app.state.opened = False


def operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}-{route.name}"


app = FastAPI(
    title=settings.PROJECT_NAME,
    openapi_url=f"{settings.API_V1_STR}/openapi.json",
    docs_url="/manual",
    redoc_url=None,
    generate_unique_id_function=operation_id,
    lifespan=lifespan,
)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.BACKEND_CORS_ORIGINS,
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


@app.middleware("http")
async def add_process_time(request: Request, call_next):
    started = time.perf_counter()
    response = await call_next(request)
    response.headers["X-Process-Time"] = str(time.perf_counter() - started)
    return response


@app.exception_handler(HTTPException)
async def handle_http(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


@app.exception_handler(RequestValidationError)
async def handle_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    return JSONResponse({"error": "invalid"}, 400)


@app.exception_handler(items.OutOfStock)
async def handle_stock(request: Request, error: items.OutOfStock) -> JSONResponse:
    return JSONResponse({"error": "out of stock"}, 409)


api_router = APIRouter()
api_router.include_router(items.router)


@api_router.get("/utils/health-check/", tags=["utils"])
async def health_check() -> bool:
    return True


app.include_router(api_router, prefix=settings.API_V1_STR)
