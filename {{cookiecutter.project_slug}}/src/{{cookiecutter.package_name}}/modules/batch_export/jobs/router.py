import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from time import time
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Header, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.sse import ServerSentEvent
from starlette.datastructures import QueryParams

from ....contents import CONTENT
from ....streaming.limits import client_address
from ....streaming.responses import EventStreamResponse
from ....streaming.routing import ProblemRouter
from ....streaming.supervision import keep_running
from ..choice import choose
from ..settings import batch_export_settings
from .answers import CANCELLED, FOLLOWED, STARTED, TOLD
from .job import UNFINISHED, Job
from .messages import ExportRequest, JobStatus, status_of
from .opening import Jobs, open_jobs
from .sending import send_segment

RETRY_SECONDS = 1


State = dict[str, Jobs]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncGenerator[State, None]:
    async with open_jobs() as jobs, AsyncExitStack() as stack:
        if batch_export_settings().jobs_url is None:  # otherwise it is workers that make them
            await stack.enter_async_context(keep_running("export jobs", jobs.runner.run))
        yield {"export_jobs": jobs}


router = ProblemRouter(prefix="/exports", tags=["batch_export"])
JobId = Annotated[str, Path(description="The last part of `Location`.")]
Number = Annotated[int, Path(ge=1, description="1 for the first segment.")]


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=JobStatus,
    responses=STARTED,
)
async def start_job(
    request: Request,
    body: ExportRequest,
    prefer: Annotated[str, Header(description="`respond-async`: it is so anyway.")] = "",
    idempotency_key: Annotated[
        str | None, Header(max_length=255, description="The same key again: the same job.")
    ] = None,
) -> Response:
    """Let a whole table be exported in segments, which are fetched when all of them are made."""
    jobs: Jobs = request.state.export_jobs
    query = body.query()
    try:
        choice = await choose(body.source, QueryParams(query))
    except RequestValidationError as error:
        raise _of_body(error) from error
    settings = batch_export_settings()
    asked = Job(
        id=await jobs.store.new_id(),
        client=client_address(request.scope),
        key=idempotency_key,
        source=body.source,
        query=urlencode(query),
        format=choice.parameters.format,
        created=time(),
    )
    job = await jobs.store.create(
        asked, most=settings.max_jobs, most_of_client=settings.max_jobs_per_address
    )
    jobs.runner.look()
    response = _answer(request, job)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = request.url_for("read_job", id=job.id).path
    if "respond-async" in prefer:
        response.headers["Preference-Applied"] = "respond-async"
    return response


@router.get("/jobs/{id}", response_model=JobStatus, responses=TOLD)
async def read_job(request: Request, id: JobId) -> Response:
    """How far a job is, and its segments when it is complete."""
    jobs: Jobs = request.state.export_jobs
    return _answer(request, await jobs.find(id))


@router.get("/jobs/{id}/events", response_class=EventStreamResponse, responses=FOLLOWED)
async def follow_job(request: Request, id: JobId) -> EventStreamResponse:
    """The same about every second as an event that is named after the status, up to the end."""
    jobs: Jobs = request.state.export_jobs
    await jobs.find(id)
    return EventStreamResponse(_follow(request, jobs, id))


@router.delete(
    "/jobs/{id}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=CANCELLED,
)
async def cancel_job(request: Request, id: JobId) -> None:
    """End a job, and remove its segments; who reads one of them gets the rest of it."""
    jobs: Jobs = request.state.export_jobs
    job = await jobs.find(id)
    await jobs.store.cancel(job.id, time() + batch_export_settings().expire_seconds)
    await jobs.segments.try_to_remove(job.id)


@router.get("/jobs/{id}/segments/{number}", response_class=Response, responses=CONTENT)
async def read_segment(request: Request, id: JobId, number: Number) -> Response:
    """A segment, or the range of it that is asked for."""
    jobs: Jobs = request.state.export_jobs
    job = await jobs.find(id)
    if job.status != "complete" or number > len(job.segments):
        raise HTTPException(404, "The job has no such segment.")
    return await send_segment(request, jobs.contents, jobs.store, job, number)


async def _follow(request: Request, jobs: Jobs, id: str) -> AsyncGenerator[ServerSentEvent, None]:
    while True:
        status = _describe(request, await jobs.find(id))
        yield ServerSentEvent(event=status.status, data=status)
        if status.status not in UNFINISHED:
            return
        await asyncio.sleep(RETRY_SECONDS)


def _describe(request: Request, job: Job) -> JobStatus:
    def url_of_segment(number: int) -> str:
        return request.url_for("read_segment", id=job.id, number=str(number)).path

    return status_of(job, url_of_segment)


def _answer(request: Request, job: Job) -> Response:
    status = _describe(request, job)
    headers = {"Cache-Control": "no-store"}
    if job.status in UNFINISHED:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return Response(status.model_dump_json(), headers=headers, media_type="application/json")


def _of_body(error: RequestValidationError) -> RequestValidationError:
    errors = [{**each, "loc": ("body", *each["loc"][1:])} for each in error.errors()]
    return RequestValidationError(errors)
