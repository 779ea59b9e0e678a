"""The service that one would write instead: FastAPI, SQLAlchemy, asyncpg.

Layered as such a service usually is: an API that validates a union of schemas, an ingestion
service per request, an event log, an event bus that runs the handlers of a type one after another,
repositories that handlers change the database through. It is what the server's ingest is measured
against; it is no part of the product.
"""
