"""The service's routes; OpenAPI describes them at ``/openapi.json``.

No address is fetched, no path of a client is opened, and of what is sent nothing is kept but readings that
are saved, where the settings allow it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.config import Config
from pipeline.predict.bundle import Bundle
from pipeline.serve import described, examples, feedback, following, problems, sent, service, studies, watch
from pipeline.serve.examining import Answer, Wanted
from pipeline.serve.guard import Guard
from pipeline.serve.metrics import Metrics
from pipeline.serve.model import Model
from pipeline.serve.service import Service

PAGE = Path(__file__).with_name("page")
_ASKED = described.problems(400, 401, 403, 408, 413, 415, 429, 503) | described.ALL_REFUSED
_TITLE = "Fracture"

router = APIRouter(responses=described.problems(400, 401))
Flag = Annotated[bool, Query()]
Later = Callable[[Mapping[str, str]], Model | None]


def create(
    config: Config,
    loaded: Bundle,
    told: Mapping[str, str],
    *,
    card: str = "",
    seen: Path | None = None,
    later: Later | None = None,
) -> FastAPI:
    """Make the app.

    Bound to this machine, it answers requests to this machine's names alone: a test asks
    ``TestClient(create(...), base_url="http://127.0.0.1")``. Canaries and the look for later models begin
    with the app's lifespan.

    Parameters
    ----------
    loaded, told
        The model that answers and its name; see `loading.load`.
    card
        The model's card in Markdown.
    seen
        Folder for a line about each radiograph, for `drift`; None for no record.
    later
        Loads another model than the one so told, where there is one; see `Follower.later`.
    """
    metrics = Metrics()
    here = Service(config, Model(loaded, told, card), metrics, seen)
    app = FastAPI(
        title=_TITLE,
        lifespan=_lifespan(here, later),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy it would send patients' files on without encryption
    )
    app.state.service = here
    app.include_router(router)
    app.include_router(feedback.router)
    app.include_router(examples.router)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    problems.told_by(app)
    app.add_middleware(Guard, settings=config.serve, metrics=metrics)
    return app


def _lifespan(here: Service, later: Later | None) -> Callable[[FastAPI], Any]:
    settings = here.config.serve

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        work: list[Coroutine[Any, Any, None]] = []
        if later is not None and settings.follow_s:
            work.append(following.follow(here, later))
        if settings.canary_s:
            work.append(watch.watch(app, here))
        tasks = [asyncio.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(here.examiner.close)

    return lifespan


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """Show the reading page."""
    return FileResponse(PAGE / "index.html")


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the process runs."""
    return {"status": "ok"}


@router.get("/ready", responses=described.problems(503))
async def ready(request: Request) -> dict[str, Any]:
    """Say whether requests should be sent here, and what to look at."""
    here = service.of(request)
    here.check_ready()
    return {"status": "ready", "warnings": list(here.warnings.values())}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """Give counts and seconds to Prometheus."""
    return PlainTextResponse(service.of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/model")
async def tell_model(request: Request) -> dict[str, Any]:
    """Say which model answers, when it decides what, and what it learnt from."""
    return service.of(request).model.record()


@router.post("/predict", responses=_ASKED, openapi_extra=described.files())
async def predict(
    request: Request, region_map: Annotated[bool, Query(alias="map")] = False, image: Flag = False
) -> StreamingResponse:
    """Examine radiographs; a file that is refused costs the others nothing."""
    model, answers = await _answered(request, Wanted(region_map, image))
    return _json(model, "results", [answer.record for answer in answers], answers)


@router.post("/studies", responses=_ASKED, openapi_extra=described.files())
async def answer_studies(
    request: Request, region_map: Annotated[bool, Query(alias="map")] = False, image: Flag = False
) -> StreamingResponse:
    """Examine DICOM files, and answer study by study."""
    model, answers = await _answered(request, Wanted(region_map, image))
    return _json(model, "studies", studies.grouped(answers, model.bundle), answers)


async def _answered(request: Request, wanted: Wanted) -> tuple[Model, list[Answer]]:
    here = service.of(request)
    model = here.model  # one model answers a whole request, whatever is promoted meanwhile
    files = await sent.read(request, here.config.serve.max_files)
    wanted = wanted._replace(uncounted=watch.is_canary(request))
    return model, await here.examiner.examine(model, files, wanted)


def _json(model: Model, name: str, told: list[dict[str, Any]], answers: list[Answer]) -> StreamingResponse:
    """Send a list in JSON item by item: whole, pictures of all would lie in memory several times over."""
    all_refused = not any(answer.finding for answer in answers)
    pieces = _pieces({"model": dict(model.told), name: told}, name)
    return StreamingResponse(pieces, 422 if all_refused else 200, media_type="application/json")


def _pieces(values: Mapping[str, Any], name: str) -> Iterator[str]:
    """Write the JSON of an object, of which the last value, that of ``name``, is a list."""
    before, _, after = _dumps({**values, name: []}).rpartition("[")
    yield f"{before}["
    for place, item in enumerate(values[name]):
        yield f"{',' if place else ''}{_dumps(item)}"
    yield after


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
