/**
 * As much of a Kubernetes API server as the control plane and the benches speak to, in a process of its own: lists in pages,
 * watches, optimistic updates, merge patches, tokens, and the controller of EndpointSlices. recorded-objects.json holds what a real
 * API server 1.35 adds to objects that are posted to it, so objects have their real size.
 *
 * Its parent forks it, sends it a certificate and a token, is sent the ports, and disconnects to end it. One port is as the API
 * server's, with TLS, and takes that token only; the other is as that of `kubectl proxy`, plain HTTP without credentials.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type ApiObject, type Filter, keyOf, RecordedCollection } from './recorded-collection.ts';
import { RecordedEndpointSlices } from './recorded-endpoint-slices.ts';
import recorded from './recorded-objects.json' with { type: 'json' };
import { RecordedTokens } from './recorded-tokens.ts';

/** The middle of what was seen of a real controller of EndpointSlices: 1 to 4 ms from the API server's answer to the slice. */
const sliceDelayMs = 3;
const bookmarkMs = 30_000;
const slicesPath = '/apis/discovery.k8s.io/v1/endpointslices';

const collections = new Map<string, RecordedCollection>();
const tokens = new RecordedTokens();
const slices = new RecordedEndpointSlices({
  service: (key) => collection('/api/v1/services').get(key),
  pod: (key) => collection('/api/v1/pods').get(key),
  put: (slice) => store(slicesPath, slice),
  delayMs: sliceDelayMs,
});
let version = 100;

/** What the parent sends: PEM of the certificate and its key, and the bearer token of the control plane's account. */
export interface RecordedServerStart {
  readonly cert: string;
  readonly key: string;
  readonly token: string;
}

/** What the parent is sent. */
export interface RecordedServerPorts {
  readonly tls: number;
  readonly plain: number;
}

process.once('message', ({ cert, key, token }: RecordedServerStart) => void listen(cert, key, `Bearer ${token}`));

async function listen(cert: string, key: string, authorization: string): Promise<void> {
  const answerAny = (request: IncomingMessage, response: ServerResponse) =>
    answer(request, response).catch((error: unknown) => reply(response, refusal(500, String(error))));
  const tls = createTlsServer({ cert, key }, (request, response) => {
    if (request.headers.authorization === authorization) void answerAny(request, response);
    else reply(response, refusal(401, 'Unauthorized'));
  });
  const plain = createServer((request, response) => void answerAny(request, response));
  const ports: RecordedServerPorts = { tls: await portOf(tls), plain: await portOf(plain) };
  process.send?.(ports);
}

async function portOf(server: Server): Promise<number> {
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

setInterval(() => {
  for (const each of collections.values()) each.bookmark(version);
}, bookmarkMs).unref();
process.on('disconnect', () => process.exit(0));

interface Place {
  /** "/api/v1/pods". */
  readonly path: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

interface Answer {
  readonly code: number;
  readonly body: object;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://recorded');
  const at = placeOf(pathname);
  if (request.method !== 'GET') reply(response, write(request.method ?? '', at, await bodyOf(request)));
  else if (at.name !== undefined) reply(response, get(at));
  else if (searchParams.get('watch')) {
    const since = Number(searchParams.get('resourceVersion') ?? version);
    collection(at.path).watch(response, filterOf(at, searchParams), since);
  } else list(at, searchParams, response);
}

function list(at: Place, query: URLSearchParams, response: ServerResponse): void {
  const [listed = '', from = 0] = query.get('continue')?.split(' ') ?? [String(version)];
  const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
  const { items, next } = collection(at.path).page(filterOf(at, query), Number(from), limit);
  const metadata = { resourceVersion: listed, ...(next === undefined ? {} : { continue: `${listed} ${next}` }) };
  const head = `{"kind":"List","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[`;
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${head}${items.join(',')}]}\n`);
}

function get({ path, namespace, name = '' }: Place): Answer {
  // A controller makes this account in every namespace.
  if (path === '/api/v1/serviceaccounts' && name === 'default') return { code: 200, body: { metadata: { name } } };
  const found = collection(path).get(keyOf(namespace === undefined ? { name } : { name, namespace }));
  return found ? { code: 200, body: found } : refusal(404, `${name} not found`);
}

function write(method: string, at: Place, body: unknown): Answer {
  const { path, namespace } = at;
  if (path.endsWith('/tokenreviews')) {
    const { spec }: { spec?: { token: string; audiences: string[] } } = Object(body);
    return { code: 201, body: { status: tokens.review(spec?.token ?? '', spec?.audiences ?? []) } };
  }
  if (at.subresource === 'token') return issueToken(at, body);
  const sent: ApiObject = Object(body);
  const name = at.name ?? sent.metadata?.name;
  const place = namespace === undefined ? { name } : { name, namespace };
  const known = collection(path).get(keyOf(place));
  const told = sent.metadata?.resourceVersion;
  const whole = () => ({ ...sent, metadata: { ...sent.metadata, ...place } });
  if (method === 'POST') {
    if (known) return refusal(409, `${name} already exists`);
    const template: unknown = Reflect.get(recorded, path.split('/').at(-1) ?? '');
    return { code: 201, body: store(path, Object(overlay(template, whole()))) };
  }
  if (!known) return refusal(404, `${name} not found`);
  if (told !== undefined && told !== known.metadata.resourceVersion) return refusal(409, `${name} has been modified`);
  if (method === 'PUT') return { code: 200, body: store(path, whole()) };
  if (method === 'PATCH') return { code: 200, body: store(path, Object(merged(known, sent))) };
  version += 1;
  const metadata = { ...known.metadata, resourceVersion: String(version) };
  collection(path).delete({ ...known, metadata }, version);
  return { code: 200, body: { kind: 'Status', status: 'Success' } };
}

function issueToken({ namespace = '', name: account = '' }: Place, body: unknown): Answer {
  const { spec }: { spec?: TokenRequestSpec } = Object(body);
  const pod = collection('/api/v1/pods').get(`${namespace}/${spec?.boundObjectRef?.name}`);
  if (spec === undefined || pod === undefined) return refusal(404, 'the pod of the token was not found');
  const { audiences, expirationSeconds = 3600 } = spec;
  return { code: 201, body: { status: tokens.issue(pod.metadata, account, audiences, expirationSeconds) } };
}

interface TokenRequestSpec {
  readonly audiences: readonly string[];
  readonly expirationSeconds?: number;
  readonly boundObjectRef?: { readonly name: string };
}

/** Stores an object with the next version; gives it as it is then. */
function store(path: string, value: ApiObject): ApiObject {
  version += 1;
  const known = collection(path).get(keyOf(value.metadata));
  const uid = known?.metadata.uid ?? randomUUID();
  const creationTimestamp = known?.metadata.creationTimestamp ?? new Date().toISOString();
  const template = path === slicesPath ? recorded.endpointslices : {};
  const filled = Object(merged(template, value));
  const object: ApiObject = {
    ...filled,
    metadata: { ...filled.metadata, uid, creationTimestamp, resourceVersion: String(version) },
  };
  collection(path).put(object, version);
  if (path === '/api/v1/services') slices.serviceChanged(object);
  if (path === '/api/v1/pods') slices.podChanged(object);
  return object;
}

function collection(path: string): RecordedCollection {
  const known = collections.get(path);
  if (known) return known;
  const fresh = new RecordedCollection();
  collections.set(path, fresh);
  return fresh;
}

/** "/api/v1/namespaces/shop/pods/a/status" is "a" of "/api/v1/pods" in "shop". */
function placeOf(pathname: string): Place {
  const [, base = '', rest = ''] = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)\/(.*)$/.exec(pathname) ?? [];
  const parts = rest.split('/');
  if (parts[0] !== 'namespaces' || parts.length < 3) {
    return { path: `${base}/${parts[0]}`, name: parts[1], subresource: parts[2] };
  }
  return { path: `${base}/${parts[2]}`, namespace: parts[1], name: parts[3], subresource: parts[4] };
}

/** "label" and "label=value" of labelSelector, and metadata.name of fieldSelector. */
function filterOf({ namespace }: Place, query: URLSearchParams): Filter {
  const labels = (query.get('labelSelector') ?? '').split(',').filter((part) => part !== '');
  const field = query.get('fieldSelector');
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) &&
    (field === null || field === `metadata.name=${metadata.name}`) &&
    labels.every((part) => {
      const [label = '', value] = part.split('=');
      const found = metadata.labels?.[label];
      return value === undefined ? found !== undefined : found === value;
    });
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

/** What was posted, with the defaults of a template: members of lists get those of the member at the same place. */
function overlay(template: unknown, posted: unknown): unknown {
  if (Array.isArray(posted)) {
    const defaults: unknown[] = Array.isArray(template) ? template : [];
    return posted.map((each, index) => overlay(defaults[index], each));
  }
  if (!isFields(posted)) return posted;
  const result: Record<string, unknown> = isFields(template) ? { ...template } : {};
  for (const [key, value] of Object.entries(posted)) result[key] = overlay(result[key], value);
  return result;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : JSON.parse(text);
}

function refusal(code: number, message: string): Answer {
  return { code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message } };
}

function reply(response: ServerResponse, { code, body }: Answer): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
