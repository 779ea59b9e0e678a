"""Tables and sessions. Run as a program it makes the tables."""

import asyncio
import datetime
import os
import uuid
from urllib.parse import unquote

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

GIVEN = make_url(os.environ["DATABASE_URL"])
# The host is the directory of a unix socket, which asyncpg takes apart from the rest.
URL = GIVEN.set(
    drivername="postgresql+asyncpg", host=None, query={"host": unquote(GIVEN.host or "")}
)


class Base(DeclarativeBase):
    pass


class PlatformEvent(Base):
    __tablename__ = "platform_events"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        Index("platform_events_service_type_time", "service", "type", "time"),
        Index("platform_events_type_time", "type", "time"),
        Index("platform_events_time", "time"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(Text)
    environment: Mapped[str | None] = mapped_column(Text)
    time: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[dict] = mapped_column(JSONB)


class Deployment(Base):
    __tablename__ = "deployments"

    deployment_id: Mapped[str] = mapped_column(Text, primary_key=True)
    service: Mapped[str] = mapped_column(Text, index=True)
    environment: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[datetime.datetime | None] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime.datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime.datetime | None] = mapped_column(DateTime(timezone=True))


# As many connections as a worker can use of the cores that there are, and more.
engine = create_async_engine(URL, pool_size=20, max_overflow=10)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(make_tables())
