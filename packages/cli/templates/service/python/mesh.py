"""What the mesh asks of a process, for grpc.aio. It knows nothing of this service: copy it into others."""

import asyncio
import os
import signal
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# A trace goes on where these go along. The sidecars make the spans.
TRACE_HEADERS = ("traceparent", "tracestate", "baggage")

# Failures that may be over soon. A caller learns these codes, and no others, of what a callee answered.
TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)

# How long calls under way may take after SIGTERM.
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
    """What a call made for `context` carries on: the time that is left, and the trace. `stub.Method(request, **onward(context))`"""
    trace = [(key, value) for key, value in context.invocation_metadata() or () if key in TRACE_HEADERS]
    return {"timeout": context.time_remaining(), "metadata": trace}


async def pass_on(context: grpc.aio.ServicerContext, error: grpc.aio.AioRpcError, callee: str) -> NoReturn:
    """Ends a call because a callee's failed. Its text is for the log alone."""
    print(f"{callee}: {error.code().name}: {error.details()}", flush=True)
    code = error.code() if error.code() in TRANSIENT else grpc.StatusCode.INTERNAL
    await context.abort(code, f"{callee} failed")


async def serve(server: grpc.aio.Server) -> None:
    """Serves where WEFT_LISTEN says, with health, until SIGTERM (calls under way are finished) or SIGINT (they are not)."""
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
