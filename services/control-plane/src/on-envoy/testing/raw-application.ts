import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';

/** What an application does with one call. */
export type Behaviour = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const unavailable = '14';

/** Ways to answer, good and bad, below anything that a library would do for us. */
export const behaviours = {
  ok(stream) {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  },
  /** Refuses the stream before it reads the request. */
  refuse: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  /** Reads the request and resets the stream. */
  reset(stream) {
    stream.resume();
    stream.on('end', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  },
  unavailable: trailersOnly(unavailable),
  /** UNAVAILABLE, but after the headers of an answer. */
  lateUnavailable(stream) {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': unavailable }));
    stream.end();
  },
  plain503: (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
  /** UNAVAILABLE as Connect has it. */
  connectUnavailable(stream) {
    stream.respond({ ':status': 503, 'content-type': 'application/json' });
    stream.end('{"code":"unavailable"}');
  },
  hang: (stream) => stream.resume(),
} satisfies Record<string, Behaviour>;

/** Answers with a gRPC status and nothing else. */
export function trailersOnly(code: string, more: Record<string, string> = {}): Behaviour {
  return (stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code, ...more },
      { endStream: true },
    );
}

/** An application without any library. */
export interface RawApplication {
  /** What it does with calls from now on. */
  behaviour: Behaviour;
  /** Whether it closes connections as soon as they are made, reading nothing. */
  slam: boolean;
  /** Paths of the calls that it saw, in order. */
  readonly seen: string[];
  /** Stops listening and ends its connections. */
  away(): Promise<void>;
  /** Listens again. */
  back(): Promise<void>;
}

/** Starts one on a unix socket. */
export async function startRawApplication(path: string, behaviour: Behaviour = behaviours.ok): Promise<RawApplication> {
  const sessions = new Set<ServerHttp2Session>();
  // Its sidecar puts all callers on one connection, and their hang-ups are not an attack.
  const server = createServer({ streamResetBurst: 10_000, streamResetRate: 1_000 });
  const application: RawApplication = {
    behaviour,
    slam: false,
    seen: [],
    async away() {
      for (const session of sessions) session.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
    async back() {
      await once(server.listen(path), 'listening');
    },
  };
  server.on('session', (session) => {
    if (application.slam) session.destroy();
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    application.seen.push(headers[':path'] ?? '');
    application.behaviour(stream, headers);
  });
  await application.back();
  return application;
}
