"""What events mean for deployments, and the bus that brings them to whom they concern."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .events import DeploymentEvent, Event
from .repositories import DeploymentRepository, EventLogRepository


@dataclass
class HandlerContext:
    events: EventLogRepository
    deployments: DeploymentRepository


Handler = Callable[[Event, HandlerContext], Awaitable[None]]


class EventBus:
    def __init__(self) -> None:
        self.handlers: dict[str, list[Handler]] = defaultdict(list)

    def subscribe(self, kind: str, handler: Handler) -> None:
        self.handlers[kind].append(handler)

    async def publish(self, event: Event, context: HandlerContext) -> None:
        for handler in self.handlers.get(event.type, ()):
            await handler(event, context)


async def on_requested(event: DeploymentEvent, context: HandlerContext) -> None:
    await context.deployments.advance(event, status="requested", requested_at=event.time)


async def on_started(event: DeploymentEvent, context: HandlerContext) -> None:
    await context.deployments.advance(event, status="in_progress", started_at=event.time)


async def on_finished(event: DeploymentEvent, context: HandlerContext) -> None:
    status = event.type.split(".")[1]
    await context.deployments.advance(event, status=status, finished_at=event.time)


def bus() -> EventBus:
    made = EventBus()
    made.subscribe("deployment.requested", on_requested)
    made.subscribe("deployment.started", on_started)
    made.subscribe("deployment.succeeded", on_finished)
    made.subscribe("deployment.failed", on_finished)
    return made
