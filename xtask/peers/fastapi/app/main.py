"""The application and its routes."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from .db import sessions
from .events import Event, Stored
from .handlers import bus
from .ingestion import EventIngestion

app = FastAPI(title="Platform Telemetry Service")
event_bus = bus()


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


def ingestion(opened: Annotated[AsyncSession, Depends(session)]) -> EventIngestion:
    return EventIngestion(opened, event_bus)


@app.post("/events", status_code=201)
async def create_event(
    event: Event, service: Annotated[EventIngestion, Depends(ingestion)]
) -> Stored:
    return (await service.ingest([event]))[0]


@app.post("/events/batch", status_code=201)
async def create_events(
    events: list[Event], service: Annotated[EventIngestion, Depends(ingestion)]
) -> list[Stored]:
    return await service.ingest(events)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
