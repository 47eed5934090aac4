import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { connectApi, type KubernetesApi } from './api.ts';
import { type KubernetesObject, objectSchema } from './object.ts';

/** What is sent may leave out all that stays. */
const patchSchema = objectSchema.extend({ metadata: objectSchema.shape.metadata.partial().optional() });

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubernetesObject;
}

interface Watch {
  readonly response: ServerResponse;
  readonly collection: string;
  readonly matches: (object: KubernetesObject) => boolean;
}

/** What becomes of the next request of a collection. */
export type Fault = 'disconnect' | 'garbage' | 'not a list' | 'unavailable' | 'slow' | 'gone';

/**
 * As much of an API server as the control plane speaks to: lists in pages, watches from a version on, optimistic updates. Faults are
 * ordered by the test, so that each happens exactly when it is meant to.
 */
export class FakeApiServer {
  readonly #objects = new Map<string, Map<string, KubernetesObject>>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<Watch>();
  readonly #faults: { collection: string; kind: 'list' | 'watch'; fault: Fault }[] = [];
  readonly #unknown = new Set<string>();
  readonly #posts = new Map<string, (body: unknown) => { status: number; body: unknown }>();
  #server: Server | undefined;
  #port = 0;
  #version = 100;
  #oldest = 0;
  #released: (() => void)[] = [];
  /** "GET /api/v1/pods", "LIST ...", "WATCH ...". */
  readonly requests: string[] = [];

  static async start(t: Pick<ExecutionContext, 'teardown'>): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    await fake.up();
    t.teardown(() => fake.down());
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  api(): KubernetesApi {
    return connectApi({ server: this.url, credentials: async () => ({}) });
  }

  async up(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  /** Ends as a process that is killed: every connection is cut. */
  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#watches.clear();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** Stores an object of a collection ("/api/v1/pods"), and tells those who watch. */
  put(collection: string, value: object): KubernetesObject {
    const objects = this.#collection(collection);
    const read = objectSchema.parse(structuredClone(value));
    this.#version += 1;
    const key = `${read.metadata.namespace ?? ''}/${read.metadata.name}`;
    const known = objects.get(key);
    const uid = known?.metadata.uid ?? read.metadata.uid ?? `uid-${this.#version}`;
    const object = { ...read, metadata: { ...read.metadata, uid, resourceVersion: String(this.#version) } };
    objects.set(key, object);
    this.#tell(collection, { version: this.#version, type: known ? 'MODIFIED' : 'ADDED', object });
    return object;
  }

  delete(collection: string, namespace: string, name: string): void {
    const objects = this.#collection(collection);
    const object = objects.get(`${namespace}/${name}`);
    if (object === undefined) throw new Error(`no ${namespace}/${name}`);
    objects.delete(`${namespace}/${name}`);
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#tell(collection, { version: this.#version, type: 'DELETED', object: last });
  }

  get(collection: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.#collection(collection).get(`${namespace}/${name}`);
  }

  /** Everything in a collection ("/apis/apps/v1/replicasets"). */
  all(collection: string): readonly KubernetesObject[] {
    return [...this.#collection(collection).values()];
  }

  /** The next list or watch of a collection goes wrong. */
  fail(collection: string, kind: 'list' | 'watch', fault: Fault): void {
    this.#faults.push({ collection, kind, fault });
  }

  /** Lets slow answers go. */
  release(): void {
    for (const go of this.#released.splice(0)) go();
  }

  /** Who watches from before now is told that this is too old. */
  forgetHistory(): void {
    this.#oldest = this.#version + 1;
    this.#version += 1;
  }

  /** Writes something raw to whoever watches a collection. */
  say(collection: string, line: string): void {
    for (const watch of this.#watches) if (watch.collection === collection) watch.response.write(`${line}\n`);
  }

  /** Ends the watches of a collection, as an API server does after a while. */
  endWatches(collection: string, how: 'end' | 'cut' = 'end'): void {
    for (const watch of this.#watches) {
      if (watch.collection !== collection) continue;
      if (how === 'end') watch.response.end();
      else watch.response.destroy();
    }
  }

  /** This collection is of a kind that is not known. */
  denyKind(collection: string, deny = true): void {
    if (deny) this.#unknown.add(collection);
    else this.#unknown.delete(collection);
  }

  /** Answers POSTs to a path, which is no collection. */
  onPost(path: string, answer: (body: unknown) => { status: number; body: unknown }): void {
    this.#posts.set(path, answer);
  }

  #collection(path: string): Map<string, KubernetesObject> {
    const known = this.#objects.get(path);
    if (known) return known;
    const fresh = new Map<string, KubernetesObject>();
    this.#objects.set(path, fresh);
    return fresh;
  }

  #tell(collection: string, change: Change): void {
    this.#history.push({ ...change, object: { ...change.object, collection } });
    for (const watch of this.#watches) this.#send(watch, collection, change);
  }

  #send(watch: Watch, collection: string, { type, object }: Change): void {
    if (watch.collection !== collection || !watch.matches(object)) return;
    watch.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const path = url.pathname;
    const isWatch = url.searchParams.get('watch') === 'true';
    const body = request.method === 'GET' ? undefined : JSON.parse((await text(request)) || 'null');
    const post = this.#posts.get(path);
    if (post && request.method === 'POST') {
      this.requests.push(`POST ${path}`);
      const answer = post(body);
      return reply(response, answer.status, answer.body);
    }
    const { collection, namespace, name } = take(path);
    const verb = name === undefined && request.method === 'GET' ? (isWatch ? 'WATCH' : 'LIST') : request.method;
    this.requests.push(`${verb} ${path}`);
    if (this.#unknown.has(collection)) return status(response, 404, 'the server could not find the requested resource');
    if (verb === 'LIST' || verb === 'WATCH') {
      const kind = isWatch ? 'watch' : 'list';
      const index = this.#faults.findIndex((fault) => fault.collection === collection && fault.kind === kind);
      const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
      if (fault !== undefined && !(await this.#misbehave(fault.fault, response))) return;
      return isWatch ? this.#watch(collection, url, response) : this.#list(collection, namespace, url, response);
    }
    this.#write(request.method ?? '', { collection, namespace, name }, body, response);
  }

  async #misbehave(fault: Fault, response: ServerResponse): Promise<boolean> {
    if (fault === 'disconnect') response.destroy();
    else if (fault === 'unavailable') status(response, 503, 'the server is starting');
    else if (fault === 'gone') status(response, 410, 'too old resource version');
    else if (fault === 'garbage') response.writeHead(200).end('{"kind": "PodL\n<html>');
    else if (fault === 'not a list') reply(response, 200, { kind: 'Status', items: 'none' });
    else {
      await new Promise<void>((resolve) => this.#released.push(resolve));
      return true;
    }
    return false;
  }

  #list(collection: string, namespace: string | undefined, url: URL, response: ServerResponse): void {
    const matches = selector(url);
    const all = [...this.#collection(collection).values()].filter(
      (object) => matches(object) && (namespace === undefined || object.metadata.namespace === namespace),
    );
    const from = Number(url.searchParams.get('continue') ?? 0);
    const to = from + Number(url.searchParams.get('limit') ?? all.length);
    const more = to < all.length ? { continue: String(to) } : {};
    const metadata = { resourceVersion: String(this.#version), ...more };
    reply(response, 200, { kind: 'List', apiVersion: 'v1', metadata, items: all.slice(from, to) });
  }

  #watch(collection: string, url: URL, response: ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion') ?? 0);
    response.writeHead(200, { 'content-type': 'application/json' });
    if (since < this.#oldest) {
      const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
      return;
    }
    response.flushHeaders();
    const watch = { response, collection, matches: selector(url) };
    for (const change of this.#history) {
      if (change.version > since) this.#send(watch, String(change.object.collection), change);
    }
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }

  #write(method: string, at: Place, body: unknown, response: ServerResponse): void {
    const { collection, namespace = '' } = at;
    const isObject = body !== null && body !== undefined && !Array.isArray(body);
    const sent = isObject ? patchSchema.parse(body) : undefined;
    const name = at.name ?? sent?.metadata?.name ?? '';
    const known = this.get(collection, namespace, name);
    const whole = () => ({ ...sent, metadata: { ...sent?.metadata, ...(namespace === '' ? {} : { namespace }) } });
    const version = sent?.metadata?.resourceVersion;
    if (method === 'POST' && known) status(response, 409, `${name} already exists`);
    else if (method === 'POST') reply(response, 201, this.put(collection, whole()));
    else if (!known) status(response, 404, `${name} not found`);
    else if (method === 'GET') reply(response, 200, known);
    else if (method === 'DELETE' && !meets(known, body)) status(response, 409, 'the precondition does not hold');
    else if (method === 'DELETE') {
      this.delete(collection, namespace, name);
      reply(response, 200, {});
    } else if (version !== undefined && version !== known.metadata.resourceVersion) {
      status(response, 409, 'the object has been modified');
    } else if (method === 'PUT') reply(response, 200, this.put(collection, whole()));
    else if (Array.isArray(body)) reply(response, 200, this.put(collection, added(known, body)));
    else reply(response, 200, this.put(collection, Object(merged(known, body))));
  }
}

interface Place {
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** The preconditions of DeleteOptions. */
function meets({ metadata }: KubernetesObject, body: unknown): boolean {
  const { preconditions }: { preconditions?: { uid?: string; resourceVersion?: string } } = Object(body);
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = preconditions ?? {};
  return uid === metadata.uid && resourceVersion === metadata.resourceVersion;
}

/** "/api/v1/namespaces/bakery/pods/a" is "a" of "/api/v1/pods" in "bakery". A subresource counts as its object. */
function take(path: string): Place {
  const [, base = '', rest = ''] = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)\/(.*)$/.exec(path) ?? [];
  const parts = rest.split('/');
  if (parts[0] === 'namespaces' && parts.length > 2) {
    return { collection: `${base}/${parts[2]}`, namespace: parts[1], name: parts[3] };
  }
  return { collection: `${base}/${parts[0]}`, namespace: undefined, name: parts[1] };
}

function selector(url: URL): (object: KubernetesObject) => boolean {
  const label = url.searchParams.get('labelSelector');
  const field = url.searchParams.get('fieldSelector');
  return ({ metadata }) =>
    (label === null || metadata.labels?.[label] !== undefined) &&
    (field === null || field === `metadata.name=${metadata.name}`);
}

/** As much of RFC 6902 as is sent: `add` to a member, and `test`, which is taken for granted. */
function added(target: object, operations: readonly { op: string; path: string; value: unknown }[]): object {
  const result = structuredClone(target);
  for (const { op, path, value } of operations) {
    if (op !== 'add') continue;
    const parts = path.split('/').slice(1);
    const last = parts.pop() ?? '';
    let at: object = result;
    for (const part of parts) at = Object(Reflect.get(at, part));
    Reflect.set(at, last, value);
  }
  return result;
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === 'object' ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

async function text(request: IncomingMessage): Promise<string> {
  let all = '';
  for await (const chunk of request) all += String(chunk);
  return all;
}

function status(response: ServerResponse, code: number, message: string): void {
  reply(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message });
}

function reply(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
