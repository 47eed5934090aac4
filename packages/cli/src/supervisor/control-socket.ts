import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { reasonOf } from '../command-error.ts';
import type { Loan } from './loan.ts';

/** The requests that other commands may send to the supervisor. */
export interface ControlHandlers {
  /** Answers at once. */
  readonly status: () => unknown;
  /** Resolves when the replicas exist and are ready. */
  readonly scale: (service: string, replicas: number, signal: AbortSignal) => Promise<void>;
  /** Resolves with the names of the replicas whose processes were replaced. */
  readonly restart: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Resolves when the process has stopped, or serves again. */
  readonly hold: (process: string, held: boolean, signal: AbortSignal) => Promise<void>;
  /** Lends a replica of a service to a command for as long as the asking process stays connected. */
  readonly lend: (service: string, command: readonly string[]) => Promise<Loan>;
  /** Begins to stop the mesh and returns. */
  readonly down: () => void;
}

const scaleRequestSchema = z.strictObject({ service: z.string(), replicas: z.int().min(0).max(50) });

const restartRequestSchema = z.strictObject({ name: z.string() });

const holdRequestSchema = z.strictObject({ process: z.string(), held: z.boolean() });

/** An older client sends no command. */
const lendRequestSchema = z.strictObject({ service: z.string(), command: z.array(z.string()).default([]) });

/** The supervisor's side of its socket. */
export interface ControlSocket {
  close(): void;
}

const maxBodyBytes = 10_000;

/** Serves JSON over HTTP on a unix socket that only this user can reach: GET /status, POST /scale, /restart, /hold, /lend, /down. */
export async function serveControlSocket(path: string, handlers: ControlHandlers): Promise<ControlSocket> {
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(request, response, handlers).catch((error: unknown) => reply(response, 500, { error: reasonOf(error) }));
  });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
      rmSync(path, { force: true });
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, handlers: ControlHandlers): Promise<void> {
  const what = `${request.method} ${request.url}`;
  if (what === 'GET /status') {
    reply(response, 200, handlers.status());
  } else if (what === 'POST /down') {
    handlers.down();
    reply(response, 202, {});
  } else if (what === 'POST /scale') {
    const { service, replicas } = await readBody(request, scaleRequestSchema);
    await handlers.scale(service, replicas, whenGone(response));
    reply(response, 200, {});
  } else if (what === 'POST /restart') {
    const { name } = await readBody(request, restartRequestSchema);
    reply(response, 200, { replicas: await handlers.restart(name, whenGone(response)) });
  } else if (what === 'POST /hold') {
    const { process, held } = await readBody(request, holdRequestSchema);
    await handlers.hold(process, held, whenGone(response));
    reply(response, 200, {});
  } else if (what === 'POST /lend') {
    const { service, command } = await readBody(request, lendRequestSchema);
    const gone = whenGone(response);
    const { end, ...loan } = await handlers.lend(service, command);
    if (gone.aborted) return end();
    gone.addEventListener('abort', end, { once: true });
    response.writeHead(200, { 'content-type': 'application/json' });
    // The response stays open for as long as the loan lasts.
    response.write(`${JSON.stringify(loan)}\n`);
  } else {
    reply(response, 404, { error: `there is no ${what}` });
  }
}

/** Aborted when the client has disconnected or has its answer. */
function whenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

async function readBody<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  let body = '';
  request.setEncoding('utf8');
  for await (const text of request) {
    body += text;
    if (body.length > maxBodyBytes) throw new Error(`a request of more than ${maxBodyBytes} bytes`);
  }
  return schema.parse(JSON.parse(body));
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
