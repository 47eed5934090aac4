import type { ExecutionContext } from 'ava';
import { waitFor } from '../wait-for.ts';
import { isReady, type PodObject, podsOf } from './cluster.ts';
import { apply, kubectl, run } from './command.ts';

/** A pod of a test's own: Node 24 and a script. */
export interface ScratchPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Made if it is not "default". */
  readonly serviceAccount?: string;
  /** What Node runs. Default: nothing, for as long as the pod lives. */
  readonly script?: string;
  /** Fields of the container, as probes and ports. */
  readonly container?: Readonly<Record<string, unknown>>;
  /** Fields of the pod's spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Its image: one that the cluster has. */
export const nodeImage = 'node:24-slim';

const idle = 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1e6)';

/** What passes Pod Security "restricted". */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 1000,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** The template of a pod with one container, "app". */
export function podTemplate(pod: Omit<ScratchPod, 'namespace'>) {
  return {
    metadata: { labels: { app: pod.name, ...pod.labels }, annotations: { ...pod.annotations } },
    spec: {
      serviceAccountName: pod.serviceAccount ?? 'default',
      terminationGracePeriodSeconds: 5,
      containers: [
        {
          name: 'app',
          image: nodeImage,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', pod.script ?? idle],
          resources: { requests: { cpu: '5m', memory: '32Mi' } },
          securityContext: restrictedContainer,
          ...pod.container,
        },
      ],
      ...pod.spec,
    },
  };
}

const serviceAccounts = new Map<string, Promise<unknown>>();

/** Makes service accounts that are not there yet. Several calls may name the same: `kubectl apply` alone fails where another is quicker. */
export async function makeServiceAccounts(namespace: string, ...names: readonly string[]): Promise<void> {
  const made = names.map((name) => {
    const key = `${namespace}/${name}`;
    const making =
      serviceAccounts.get(key) ?? apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }]);
    serviceAccounts.set(key, making);
    return making;
  });
  await Promise.all(made);
}

/** Runs a pod until it is Ready; it goes with its namespace, or by `remove`. */
export async function runPod(t: ExecutionContext, pod: ScratchPod): Promise<PodObject> {
  if (pod.serviceAccount) await makeServiceAccounts(pod.namespace, pod.serviceAccount);
  const { metadata, spec } = podTemplate(pod);
  await apply([
    { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, namespace: pod.namespace, name: pod.name }, spec },
  ]);
  return readyPod(t, pod.namespace, `app=${pod.name}`);
}

/** The first pod of a label, once it is Ready. What the cluster says of it is logged when it is not. */
export async function readyPod(t: ExecutionContext, namespace: string, selector: string): Promise<PodObject> {
  try {
    return await waitFor(`a ready pod ${selector}`, async () => (await podsOf(namespace, selector)).find(isReady), {
      timeoutMs: 90_000,
      intervalMs: 500,
    });
  } catch (error) {
    t.log(await kubectl('describe', 'pods', '-n', namespace, '-l', selector).catch(String));
    throw error;
  }
}

/** Runs a script of Node in a pod's own container; what it printed. */
export function nodeIn(pod: PodObject, script: string, ...args: readonly string[]): Promise<string> {
  const { namespace, name } = pod.metadata;
  return run('kubectl', ['exec', '-n', namespace, name, '--', 'node', '-e', script, '--', ...args], {
    timeoutMs: 60_000,
  });
}

/** How a call by gRPC ended. */
export interface GrpcOutcome {
  readonly httpStatus?: number;
  readonly grpcStatus?: number;
  readonly message?: string;
  /** The connection's or the stream's, where there was no answer. */
  readonly error?: string;
}

const grpcScript = `
const { connect } = require('node:http2');
const one = ({ url, path, authority }) => new Promise((resolve) => {
  const outcome = {};
  const session = connect(url);
  const end = (more) => { session.destroy(); resolve({ ...outcome, ...more }); };
  session.on('error', (e) => end({ error: e.code || e.message })).on('close', () => end({ error: 'closed' }));
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...(authority ? { ':authority': authority } : {}) });
  const take = (headers) => {
    if (headers[':status']) outcome.httpStatus = headers[':status'];
    if (headers['grpc-status'] !== undefined) outcome.grpcStatus = Number(headers['grpc-status']);
    if (headers['grpc-message'] !== undefined) outcome.message = decodeURIComponent(headers['grpc-message']);
  };
  stream.on('response', take).on('trailers', take).on('error', (e) => end({ error: e.code || e.message })).on('close', () => end({}));
  stream.resume();
  stream.end(Buffer.alloc(5));
  setTimeout(() => end({ error: 'timeout' }), 4000);
});
Promise.all(JSON.parse(process.argv[1]).map(one)).then((outcomes) => { console.log(JSON.stringify(outcomes)); process.exit(0); });
`;

/** One call by gRPC with an empty message: `url` is http://host:port. */
export interface GrpcRequest {
  readonly url: string;
  readonly path: string;
  readonly authority?: string;
}

/** Calls methods from inside a pod, all at once; how each ended. */
export async function grpcSweepFrom(pod: PodObject, requests: readonly GrpcRequest[]): Promise<readonly GrpcOutcome[]> {
  return JSON.parse(await nodeIn(pod, grpcScript, JSON.stringify(requests)));
}

/** Calls a method from inside a pod. */
export async function grpcFrom(pod: PodObject, url: string, path: string, authority = ''): Promise<GrpcOutcome> {
  const [outcome] = await grpcSweepFrom(pod, [{ url, path, authority }]);
  return outcome ?? { error: 'no outcome' };
}

const httpScript = `
const [method, host, port, path] = process.argv.slice(1);
const end = (text) => { console.log(text); process.exit(0); };
const request = require('node:http').request({ method, host, port, path, timeout: 5000 }, (response) => {
  let body = ''; response.setEncoding('utf8').on('data', (text) => { body += text; }).on('end', () => end(response.statusCode + ' ' + body.slice(0, 2000))).on('error', (e) => end('error ' + e.code));
});
request.on('error', (e) => end('error ' + (e.code || e.message))).on('timeout', () => end('error timeout')).end();
`;

/** "200 body", or "error CODE" where no HTTP came back. */
export async function httpFrom(
  pod: PodObject,
  method: string,
  host: string,
  port: number,
  path: string,
): Promise<string> {
  return (await nodeIn(pod, httpScript, method, host, String(port), path)).trim();
}

/** One request in plain text. */
export interface PlainRequest {
  readonly method: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const sweepScript = `
const [host, text] = process.argv.slice(1);
const http = require('node:http');
const one = ({ method, port, path, headers = {} }) => new Promise((resolve) => {
  const request = http.request({ method, host, port, path, headers, timeout: 4000 }, (response) => { response.resume(); resolve(String(response.statusCode)); });
  request.on('error', (e) => resolve('error ' + (e.code || e.message))).on('timeout', () => { resolve('error timeout'); request.destroy(); }).end();
});
Promise.all(JSON.parse(text).map(one)).then((answers) => { console.log(JSON.stringify(answers)); process.exit(0); });
`;

/** The status of each of many requests, all at once, or "error CODE". */
export async function sweepFrom(
  pod: PodObject,
  host: string,
  requests: readonly PlainRequest[],
): Promise<readonly string[]> {
  return JSON.parse(await nodeIn(pod, sweepScript, host, JSON.stringify(requests)));
}

const tcpScript = `
const [host, port, word, first] = process.argv.slice(1);
const outcome = { connected: false, text: '' };
const end = (more) => { console.log(JSON.stringify({ ...outcome, ...more })); process.exit(0); };
const socket = require('node:net').connect({ host, port: Number(port) });
socket.setEncoding('utf8');
socket.on('connect', () => { outcome.connected = true; if (first === 'client') socket.write(word); });
socket.on('data', (text) => { if (!outcome.text && first === 'server') socket.write(word); outcome.text += text; });
socket.on('error', (e) => end({ error: e.code || e.message })).on('close', () => end({}));
setTimeout(() => end({ error: 'timeout' }), 20000);
`;

/** How a connection of TCP ended. */
export interface TcpOutcome {
  /** Somebody took it: its own proxy, or who it was meant for. */
  readonly connected: boolean;
  /** What came back. */
  readonly text: string;
  readonly error?: string;
}

/** Connects from inside a pod, says a word, after the server's greeting or before, and waits until it is closed. */
export async function tcpFrom(
  pod: PodObject,
  host: string,
  port: number,
  { word = 'a word', first = 'server' }: { word?: string; first?: 'server' | 'client' } = {},
): Promise<TcpOutcome> {
  return JSON.parse(await nodeIn(pod, tcpScript, host, String(port), word, first));
}
