"""What handlers and the ingestion service do to the database, in their own words."""

import datetime
import uuid
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from .db import Deployment, PlatformEvent
from .events import DeploymentEvent, Event


class EventLogRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    def append(self, event: Event, received_at: datetime.datetime) -> PlatformEvent:
        payload = event.model_dump(mode="json", by_alias=True, exclude_none=True)["data"]
        record = PlatformEvent(
            id=uuid.uuid4(),
            event_id=event.id,
            source=event.source,
            type=event.type,
            service=payload.get("service"),
            environment=payload.get("environment"),
            time=event.time,
            received_at=received_at,
            payload=payload,
        )
        self.session.add(record)
        return record


class DeploymentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def advance(self, event: DeploymentEvent, **changes: Any) -> None:
        """Changes the deployment of the event, or makes it: steps may arrive in any order."""
        data = event.data
        if data.version is not None:
            changes["version"] = data.version
        key = {"deployment_id": data.deployment_id}
        made = insert(Deployment).values(
            **key, service=data.service, environment=data.environment, **changes
        )
        await self.session.execute(made.on_conflict_do_update(index_elements=key, set_=changes))
