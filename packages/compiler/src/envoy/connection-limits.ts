import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Http2ProtocolOptionsSchema } from '@weft/envoy-api/envoy/config/core/v3/protocol';

// What one connection may hold at a proxy. docs/limits.md lists these numbers; docs/decisions/edge-limits.md says why they are so.

/** Calls at once on one connection from outside. A client with more opens another connection, or waits. */
export const maxStreamsFromOutside = 100;

/** Unread bytes of one request from outside. */
const streamWindowBytes = 256 << 10;

/** Unread bytes of all requests on one connection from outside. */
const connectionWindowBytes = 1 << 20;

/**
 * Calls that a proxy of the mesh may reset on one connection, at once and again each second: without a bound, because its connection
 * carries the calls of everybody. What strangers reset comes through there as well, and with the connection all other calls would be torn.
 * By default Envoy closes it after 1,000 and 33 each second.
 */
const resetsWithinMesh = 4_000_000_000n;

/** The same for a stranger's connection: Envoy's default. */
const resetsFromOutside = { streamResetBurst: 1000n, streamResetRate: 33n } as const;

/** Frames to a peer that does not read: of all kinds, and SETTINGS, PING and RST_STREAM alone. Then the connection is closed. */
const maxWaitingFrames = 10_000;
const maxWaitingControlFrames = 1000;

/**
 * The same for frames to a callee: its connection carries the calls of everybody, and strangers fill it with calls that they reset at once.
 * A callee that is alive reads as fast as they come; one that is not is found by PING.
 */
const maxFramesToCallee = 200_000;
const maxControlFramesToCallee = 100_000;

/** Empty frames in a row that say nothing. Then the connection is closed. */
const maxEmptyFrames = 1;

/** Held back of a call's answer, or of its request, before its sender is told to wait. */
export const bufferBytesFromOutside = 256 << 10;

/** How long what is left of an answer may take to its caller, once the mesh has no more part in it. */
export const stalledAnswerMs = 30_000;

/** A caller by HTTP/2 is asked so often whether it is there, and for its answer it has so long. */
export const callerCheck = { everyMs: 10_000, withinMs: 10_000 } as const;

/** How long the headers of a request may take. */
export const requestHeadersMs = 10_000;

/** How long a request may take that has not reached a method: an upload by REST that is held until it is whole. */
export const unroutedRequestMs = 60_000;

/** How long a request with all of its body may take, whatever its method allows: it ends a client's stream that never ends. */
export const wholeRequestMs = 3_600_000;

/** How long a connection without a call, and a call on which nothing moves, may stay. */
export const idleFromOutsideMs = 300_000;

/**
 * What the codec takes besides the gateway's own limits, so that a request slightly above them gets an answer in words: the codec
 * itself only resets a stream of HTTP/2.
 */
export const codecHeaders = { moreKb: 32, moreHeaders: 100 } as const;

/**
 * What a sidecar's codec takes of a request's headers: more than a gateway admits (60 KiB) and than an application of the kit takes
 * (60 KiB, 128 headers), because a codec resets what is too large, and an application answers.
 */
export const sidecarCodecHeaders = { maxKb: 128, maxHeaders: 256 } as const;

/**
 * HTTP/2 between proxies, and between a proxy and its application; docs/decisions/sidecar-connections.md says why. One connection carries
 * the calls of everybody, and a reader that stops keeps a stream's window of it. The others are held up when half of it is kept: by 32.
 */
const withinMesh = { initialStreamWindowSize: 256 << 10, initialConnectionWindowSize: 16 << 20 } as const;

/** Calls at once on one connection within the mesh; a proxy with more opens another. */
const maxStreamsWithinMesh = 1024;

/** An error in one request does not end the others on its connection. */
const errorsStay = { overrideStreamErrorOnInvalidHttpMessage: true } as const;

/** HTTP/2 with a sidecar, whose peers are proxies of the mesh or its own application. */
export const http2WithinMesh: MessageInitShape<typeof Http2ProtocolOptionsSchema> = {
  ...errorsStay,
  ...withinMesh,
  maxConcurrentStreams: maxStreamsWithinMesh,
  maxOutboundFrames: maxWaitingFrames,
  maxOutboundControlFrames: maxWaitingControlFrames,
  maxConsecutiveInboundFramesWithEmptyPayload: maxEmptyFrames,
  streamResetBurst: resetsWithinMesh,
  streamResetRate: resetsWithinMesh,
};

/** HTTP/2 to a callee: another proxy, or a sidecar's own application. */
export const http2ToCallee = {
  ...withinMesh,
  maxOutboundFrames: maxFramesToCallee,
  maxOutboundControlFrames: maxControlFramesToCallee,
} as const;

/**
 * HTTP/2 with strangers. A byte of HPACK that refers to its table stands for up to 4 KB of headers, which a call holds until its answer
 * is read: the headers that the codec takes, times the calls at once, bound what one connection can make of that.
 */
export const http2FromOutside: MessageInitShape<typeof Http2ProtocolOptionsSchema> = {
  ...http2WithinMesh,
  ...resetsFromOutside,
  maxConcurrentStreams: maxStreamsFromOutside,
  connectionKeepalive: {
    interval: durationFromMs(callerCheck.everyMs),
    timeout: durationFromMs(callerCheck.withinMs),
  },
  initialStreamWindowSize: streamWindowBytes,
  initialConnectionWindowSize: connectionWindowBytes,
};

/** Timeouts of a listener for strangers. */
export const timesFromOutside = {
  requestHeadersTimeout: durationFromMs(requestHeadersMs),
  requestTimeout: durationFromMs(wholeRequestMs),
  streamIdleTimeout: durationFromMs(idleFromOutsideMs),
  streamFlushTimeout: durationFromMs(stalledAnswerMs),
} as const;
