import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { decide, podName, readReview } from './admission-review.ts';
import type { Labels } from './pod.ts';
import { freshSecrets, type InjectorSettings } from './settings.ts';
import type { CertificateSource } from './webhook-certificate.ts';

/** What the webhook is made of. */
export interface WebhookOptions {
  /** Port 0: any that is free. */
  readonly listen: SocketAddress;
  readonly settings: InjectorSettings;
  /** The labels of a namespace; undefined: it is not known (yet), and the pod is not admitted. */
  readonly namespaceLabels: (namespace: string) => Promise<Labels | undefined>;
  readonly certificates: CertificateSource;
  readonly log: WebhookLog;
}

/** As much of a logger as is used here. */
export interface WebhookLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A webhook that takes requests. */
export interface Webhook {
  readonly address: SocketAddress;
  /** Takes no new requests and waits for those under way. */
  close(): Promise<void>;
}

/** An object of etcd has at most 1.5 MiB, and a review has two. */
const maxBodyBytes = 4 * 1024 * 1024;

/** The API server waits for 30 s at most. */
const requestTimeoutMs = 30_000;

class RequestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Serves the mutating webhook: POST /inject with an AdmissionReview (admission.k8s.io/v1), over TLS with a certificate that may
 * change while it runs. Logs what it decided and never what a pod says.
 *
 * An answer other than 200 lets the failurePolicy decide: in meshed namespaces that is Fail.
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { certificates, listen, log } = options;
  const server = createServer({ ...certificates.current(), minVersion: 'TLSv1.2' }, (request, response) => {
    answer(request, options).then(
      (body) => reply(response, 200, 'application/json', body),
      (error: unknown) => {
        if (error instanceof RequestError) return reply(response, error.status, 'text/plain', `${error.message}\n`);
        log.error({ err: error }, 'the webhook failed');
        return reply(response, 500, 'text/plain', 'weft: the webhook failed; its log says why\n');
      },
    );
  });
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = 10_000;
  const unsubscribe = certificates.onChange(() => {
    server.setSecureContext({ ...certificates.current(), minVersion: 'TLSv1.2' });
    log.info({}, 'the webhook has a new certificate');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, port } = addressOf(server.address());
  return {
    address: { host: address, port },
    close: () => {
      unsubscribe();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    },
  };
}

async function answer(request: IncomingMessage, { namespaceLabels, settings, log }: WebhookOptions): Promise<string> {
  const path = request.url?.split('?')[0];
  if (path !== '/inject') throw new RequestError(404, 'weft: POST /inject is all that is here');
  if (request.method !== 'POST') throw new RequestError(405, 'weft: /inject takes POST only');
  const read = readReview(await bodyOf(request));
  if ('error' in read) {
    log.warn({ reason: read.error }, 'not a review');
    throw new RequestError(400, `weft: ${read.error}`);
  }
  const review = read.request;
  const labels = await namespaceLabels(review.namespace);
  if (!labels) throw new RequestError(503, `weft: the namespace ${review.namespace} is not known yet; try again`);
  const { answer, outcome, reason } = decide(review, labels, settings, ({ spec }) => freshSecrets(spec.hostUsers));
  const fields = { pod: podName(review), outcome, ...(reason === undefined ? {} : { reason }) };
  if (outcome === 'refused') log.warn(fields, 'pod refused');
  else log.info(fields, 'pod reviewed');
  return JSON.stringify(answer);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > maxBodyBytes) throw new RequestError(413, `weft: a review has at most ${maxBodyBytes} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  // What is left of a request that was not read is not waited for.
  if (status === 413) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new TypeError('the webhook listens on a TCP port');
  return address;
}
