"""What the mesh requires of a process, for grpc.aio. Nothing here is specific to this service: you can copy it to others."""

import asyncio
import os
import signal
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# Passing these headers on continues the trace. The sidecars create the spans.
TRACE_HEADERS = ("traceparent", "tracestate", "baggage")

# Codes of transient failures. A caller gets only these codes of a callee's answer.
TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)

# How long in-flight calls may take after SIGTERM.
DRAIN_SECONDS = 10


def channel(logical_name: str) -> grpc.aio.Channel:
    """A channel to another service. The sidecar knows the callee by `:authority`, and retries as its contract says."""
    return grpc.aio.insecure_channel(
        os.environ["WEFT_OUTBOUND"],
        options=[
            ("grpc.default_authority", logical_name),
            ("grpc.enable_retries", 0),
            # The sidecar is on this machine, whatever http_proxy says.
            ("grpc.enable_http_proxy", 0),
        ],
    )


def onward(context: grpc.aio.ServicerContext) -> dict:
    """What an outgoing call takes over from `context`: the remaining time and the trace. `stub.Method(request, **onward(context))`"""
    trace = [(key, value) for key, value in context.invocation_metadata() or () if key in TRACE_HEADERS]
    return {"timeout": context.time_remaining(), "metadata": trace}


async def pass_on(context: grpc.aio.ServicerContext, error: grpc.aio.AioRpcError, callee: str) -> NoReturn:
    """Ends a call because a callee failed. The callee's message is only logged."""
    print(f"{callee}: {error.code().name}: {error.details()}", flush=True)
    code = error.code() if error.code() in TRANSIENT else grpc.StatusCode.INTERNAL
    await context.abort(code, f"{callee} failed")


async def serve(server: grpc.aio.Server) -> None:
    """Serves where WEFT_LISTEN says, with health, until SIGTERM (which finishes in-flight calls) or SIGINT (which does not)."""
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(os.environ["WEFT_LISTEN"])

    told: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def stop(grace: float) -> None:
        if not told.done():
            told.set_result(grace)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, DRAIN_SECONDS)
    loop.add_signal_handler(signal.SIGINT, stop, 0)

    await server.start()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    grace = await told
    await servicer.enter_graceful_shutdown()
    await server.stop(grace)
