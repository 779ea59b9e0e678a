"""What may be sent: a union of schemas, told apart by `type`."""

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag


class Scoped(BaseModel):
    service: str
    environment: str


class DeploymentData(Scoped):
    deployment_id: str
    version: str | None = None
    image: str | None = None
    commit: str | None = None
    actor: str | None = None
    pipeline_url: str | None = None
    reason: str | None = None


class ServiceData(Scoped):
    instance: str | None = None
    version: str | None = None
    host: str | None = None
    pid: int | None = None
    ttl_s: int | None = Field(default=None, ge=1)
    uptime_s: int | None = None
    region: str | None = None


class StateData(Scoped):
    component: str
    from_: str | None = Field(default=None, alias="from")
    to: str
    reason: str | None = None
    actor: str | None = None


class ConfigData(Scoped):
    key: str
    from_: Any = Field(default=None, alias="from")
    to: Any = None
    reason: str | None = None
    actor: str | None = None


class MeasuredData(Scoped):
    name: str
    value: float
    unit: str | None = None
    attributes: dict[str, Any] | None = None


class Envelope(BaseModel):
    id: str
    source: str
    time: datetime.datetime


class DeploymentEvent(Envelope):
    type: Literal[
        "deployment.requested",
        "deployment.started",
        "deployment.succeeded",
        "deployment.failed",
    ]
    data: DeploymentData


class ServiceEvent(Envelope):
    type: Literal["service.started", "service.stopped", "service.heartbeat"]
    data: ServiceData


class StateEvent(Envelope):
    type: Literal["state.changed"]
    data: StateData


class ConfigEvent(Envelope):
    type: Literal["config.changed"]
    data: ConfigData


class MeasuredEvent(Envelope):
    type: Literal["platform.measured"]
    data: MeasuredData


class CustomEvent(Envelope):
    type: str
    data: dict[str, Any]


def family(event: Any) -> str:
    kind = event.get("type", "") if isinstance(event, dict) else event.type
    name = kind.split(".", 1)[0]
    return name if name in ("deployment", "service", "state", "config", "platform") else "custom"


Event = Annotated[
    Annotated[DeploymentEvent, Tag("deployment")]
    | Annotated[ServiceEvent, Tag("service")]
    | Annotated[StateEvent, Tag("state")]
    | Annotated[ConfigEvent, Tag("config")]
    | Annotated[MeasuredEvent, Tag("platform")]
    | Annotated[CustomEvent, Tag("custom")],
    Discriminator(family),
]


class Stored(BaseModel):
    id: str
    received_at: datetime.datetime
