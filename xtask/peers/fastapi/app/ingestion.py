"""One request's way in: into the event log, then to the handlers, all in one transaction."""

import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from .events import Event, Stored
from .handlers import EventBus, HandlerContext
from .repositories import DeploymentRepository, EventLogRepository


class EventIngestion:
    def __init__(self, session: AsyncSession, bus: EventBus) -> None:
        self.session = session
        self.bus = bus
        self.context = HandlerContext(EventLogRepository(session), DeploymentRepository(session))

    async def ingest(self, events: list[Event]) -> list[Stored]:
        received_at = datetime.datetime.now(datetime.UTC)
        stored = []
        # Written together at the commit, not before each handler's look-up.
        with self.session.no_autoflush:
            for event in events:
                record = self.context.events.append(event, received_at)
                await self.bus.publish(event, self.context)
                stored.append(Stored(id=str(record.id), received_at=received_at))
        await self.session.commit()
        return stored
