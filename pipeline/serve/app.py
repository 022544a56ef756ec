"""The service's routes; OpenAPI describes them at ``/openapi.json``.

No address is fetched, no path of a client is opened, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from pipeline.config import Config
from pipeline.predict.bundle import Bundle
from pipeline.serve import examples, feedback, problems, sent, studies
from pipeline.serve.examining import Examiner, Wanted
from pipeline.serve.model import Model

PAGE = Path(__file__).with_name("page")
_MOST_FILES = 64

router = APIRouter()
Flag = Annotated[bool, Query()]


class Service:
    """What the routes share: the settings, the model that answers now, and who examines."""

    def __init__(self, config: Config, model: Model) -> None:
        self.config, self.model = config, model
        self.examiner = Examiner(config)


def create(config: Config, loaded: Bundle, told: Mapping[str, str], *, card: str = "") -> FastAPI:
    """Make the app.

    Bound to this machine, it answers requests to this machine's names alone: a test asks
    ``TestClient(create(...), base_url="http://127.0.0.1")``.

    Parameters
    ----------
    loaded, told
        The model that answers and its name; see `loading.load`.
    card
        The model's card in Markdown.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.service.examiner.close()

    app = FastAPI(title="Fracture", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = Service(config, Model(loaded, told, card))
    app.include_router(router)
    app.include_router(feedback.router)
    app.include_router(examples.router)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    problems.told_by(app)
    return app


def service(request: Request) -> Service:
    """Return what the routes of an app share."""
    found: Service = request.app.state.service
    return found


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """Show the reading page."""
    return FileResponse(PAGE / "index.html")


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the process runs."""
    return {"status": "ok"}


@router.get("/ready")
async def ready() -> dict[str, str]:
    """Say whether requests should be sent here."""
    return {"status": "ready"}


@router.get("/model")
async def model(request: Request) -> dict[str, Any]:
    """Say which model answers, when it decides what, and what it learnt from."""
    return service(request).model.record()


@router.post("/predict")
async def predict(
    request: Request, region_map: Annotated[bool, Query(alias="map")] = False, image: Flag = False
) -> JSONResponse:
    """Examine radiographs; a file that is refused costs the others nothing."""
    here = service(request)
    answering = here.model  # one model answers a whole request, whatever is promoted meanwhile
    files = await sent.read(request, _MOST_FILES)
    answers = await here.examiner.examine(answering, files, Wanted(region_map, image))
    records = [answer.record for answer in answers]
    status = 422 if all("error" in each for each in records) else 200
    return JSONResponse({"model": dict(answering.told), "results": records}, status)


@router.post("/studies")
async def answer_studies(
    request: Request, region_map: Annotated[bool, Query(alias="map")] = False, image: Flag = False
) -> JSONResponse:
    """Examine DICOM files, and answer study by study."""
    here = service(request)
    answering = here.model
    files = await sent.read(request, _MOST_FILES)
    answers = await here.examiner.examine(answering, files, Wanted(region_map, image))
    status = 422 if all("error" in answer.record for answer in answers) else 200
    return JSONResponse({"model": dict(answering.told), "studies": studies.grouped(answers)}, status)
