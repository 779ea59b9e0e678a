"""What `cargo xtask mcp` does with the running service: an engineer's assistant as the official SDK
makes one, greeting the server as clients up to 2025-11-25 do and as newer ones do."""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

URL = sys.argv[1]
EVENT = {
    "type": "deployment.started",
    "source": "ci",
    "id": "mcp-1",
    "data": {
        "service": "payments",
        "environment": "production",
        "deployment_id": "d-1",
        "version": "1.4.0",
    },
}


# What everybody may do to their own, and others need a scope for.
OWN = {"platform_sessions_revoke", "platform_access_explain"}


def assistant(token, mode):
    http = httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30)
    return Client(streamable_http_client(URL, http_client=http), mode=mode)


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found!r}; expected {expected!r}")


def problem(result):
    expect("isError", result.is_error, True)
    return json.loads(result.content[0].text)


async def writes(mode, status):
    async with assistant(os.environ["PTS_ADMIN_TOKEN"], mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        append = tools["platform_events_append"]
        expect("a write is read-only", append.annotations.read_only_hint, False)
        expect("a write destroys", append.annotations.destructive_hint, False)
        expect("a discard destroys", tools["platform_quarantine_discard"].annotations.destructive_hint, True)
        taken = await client.call_tool("platform_events_append", {"events": EVENT})
        expect("an append fails", taken.is_error, False)
        expect("the append", taken.structured_content["data"]["items"][0]["status"], status)


async def reads(mode, version):
    async with assistant(os.environ["PTS_READER_TOKEN"], mode) as client:
        expect("the version", client.protocol_version, version)
        expect("the server", client.server_info.name, "pts")
        expect("the instructions", "coverage" in client.instructions, True)
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        expect("a reader is offered to append", "platform_events_append" in tools, False)
        for tool in tools.values():
            if tool.name not in OWN:
                expect(f"{tool.name} is read-only", tool.annotations.read_only_hint, True)

        # The SDK holds what is given against the tool's output schema by itself.
        found = await client.call_tool("platform_events_search", {"service": "payments"})
        expect("a search fails", found.is_error, False)
        expect("the event", found.structured_content["data"][0]["event_id"], "mcp-1")
        expect("its coverage", isinstance(found.structured_content["coverage"]["complete"], bool), True)
        state = await client.call_tool("platform_services_get", {"name": "payments"})
        expect("a service fails", state.is_error, False)
        for name, tool in tools.items():
            example = (tool.input_schema.get("examples") or [{}])[0]
            given = await client.call_tool(name, example)
            if given.is_error:
                # What an example names is not on this platform, and nothing else may be wrong.
                code = "denied" if name in OWN else "not_found"
                expect(f"{name} with its example", problem(given)["code"], code)

        denied = await client.call_tool("platform_events_append", {"events": EVENT})
        expect("a reader appends", problem(denied)["code"], "denied")
        odd = await client.call_tool("platform_events_search", {"limit": 0})
        expect("a limit of 0", problem(odd)["errors"][0]["field"], "arguments.limit")
        try:
            await client.call_tool("platform_event_search", {})
            sys.exit("a tool that is none was used")
        except MCPError as error:
            expect("a tool that is none", error.error.code, -32602)
        return len(tools)


async def main():
    for mode, version, status in [("auto", "2026-07-28", "created"), ("legacy", "2025-11-25", "duplicate")]:
        await writes(mode, status)
        count = await reads(mode, version)
        print(f"{version}: {count} tools listed and used")


asyncio.run(main())
