import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { ClusterSchema, Cluster_DiscoveryType as DiscoveryType } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type Resource,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { frameMessage } from '@weft/service-kit/grpc';
import { addressesOf } from './endpoint-addresses.ts';

/** Where an ADS server is, and who the client says that it is. */
export interface AdsClientOptions {
  /** "https://127.0.0.1:15012"; "http://" speaks HTTP/2 without TLS. */
  readonly server: string;
  /** PEM of the root that the server's certificate must come from; absent: any certificate is taken. */
  readonly root?: string;
  readonly node: string;
  readonly token?: string;
  /** Secrets to ask for. */
  readonly secrets: readonly string[];
  /** Whether it asks for anything; a server that writes by itself needs no question. */
  readonly asks: boolean;
  /** Told of each response, once its acknowledgement is written: its type and the framed message. */
  readonly onAcked: (typeUrl: string, framed: Buffer) => void;
  /** Told, after `onAcked`, of each IP address that came or went with a response. Absent: endpoints are not read. */
  readonly onEndpoint?: (address: string, present: boolean, framed: Buffer) => void;
}

/** The server ended the stream before it took it. */
export class AdsRefused extends Error {
  override readonly name = 'AdsRefused';
  /** The gRPC status. */
  readonly status: number;
  constructor(node: string, status: number, message: string) {
    super(`${node}: gRPC status ${status}: ${message}`);
    this.status = status;
  }
}

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/**
 * A delta ADS client that asks like Envoy: all clusters and listeners, then the endpoints, routes and secrets that they name. It
 * acknowledges everything, and keeps what it holds when it connects again.
 */
export class AdsClient {
  readonly #options: AdsClientOptions;
  readonly #held = new Map<string, Map<string, string>>();
  readonly #wanted = new Map<string, Set<string>>();
  readonly #addresses = new Map<string, ReadonlySet<string>>();
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: AdsClientOptions) {
    this.#options = options;
  }

  /** Connects, and resolves when the server has taken the stream. */
  async connect(): Promise<void> {
    const { server, root, node, token, secrets, asks } = this.#options;
    // The certificate is of the control plane's name, not of its address.
    const trust = root === undefined ? { rejectUnauthorized: false } : { ca: root, servername: 'weft-control-plane' };
    const session = connect(server, { ...trust, settings: { initialWindowSize: 1 << 20 } });
    this.#session = session;
    session.on('error', () => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    });
    this.#stream = stream;
    this.#rest = Buffer.alloc(0);
    stream.on('data', (bytes: Buffer) => this.#receive(bytes));
    stream.on('error', () => {});
    const taken = new Promise<void>((resolve, reject) => {
      stream.once('response', (headers) => {
        const status = headers['grpc-status'];
        if (status === undefined) resolve();
        else reject(new AdsRefused(node, Number(status), String(headers['grpc-message'])));
      });
      session.once('error', reject);
      stream.once('error', reject);
    });
    if (asks) {
      for (const typeUrl of [typeUrls.cluster, typeUrls.listener]) this.#begin(typeUrl, ['*']);
      if (secrets.length > 0) this.#begin(typeUrls.secret, secrets);
      for (const typeUrl of [typeUrls.endpoints, typeUrls.route]) {
        const names = this.#wanted.get(typeUrl);
        if (names) this.#begin(typeUrl, [...names]);
      }
    } else this.#send({ node: { id: node } });
    await taken;
  }

  /** Whether it asks for anything. */
  get asks(): boolean {
    return this.#options.asks;
  }

  /** Ends the connection. What is held stays, unless `forget`. */
  close({ forget = false } = {}): void {
    this.#session?.destroy();
    if (!forget) return;
    this.#held.clear();
    this.#wanted.clear();
    this.#addresses.clear();
  }

  /** Every IP address among the endpoints that it holds; empty without `onEndpoint`. */
  addresses(): ReadonlySet<string> {
    return new Set([...this.#addresses.values()].flatMap((some) => [...some]));
  }

  /** It holds all that its clusters and listeners name. */
  get warm(): boolean {
    const { secrets } = this.#options;
    const holds = (typeUrl: string, names: Iterable<string>) =>
      [...names].every((name) => this.#held.get(typeUrl)?.has(name));
    return (
      this.#held.has(typeUrls.cluster) &&
      this.#held.has(typeUrls.listener) &&
      [...this.#wanted].every(([typeUrl, names]) => holds(typeUrl, names)) &&
      holds(typeUrls.secret, secrets)
    );
  }

  #begin(typeUrl: string, names: readonly string[]): void {
    const { node } = this.#options;
    this.#send({
      node: { id: node },
      typeUrl,
      resourceNamesSubscribe: [...names],
      initialResourceVersions: Object.fromEntries(this.#held.get(typeUrl) ?? []),
    });
  }

  #send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    this.#stream?.write(
      frameMessage(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))),
    );
  }

  #receive(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = 5 + rest.readUInt32BE(1);
      this.#take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#rest = rest;
  }

  #take(framed: Buffer): void {
    const response = fromBinary(DeltaDiscoveryResponseSchema, framed.subarray(5));
    const { typeUrl, nonce, resources, removedResources } = response;
    this.#send({ typeUrl, responseNonce: nonce });
    let held = this.#held.get(typeUrl);
    if (held === undefined) {
      held = new Map();
      this.#held.set(typeUrl, held);
    }
    for (const { name, version } of resources) held.set(shared(name), shared(version));
    for (const name of removedResources) held.delete(name);
    if (this.#options.asks) this.#follow(typeUrl, resources);
    this.#options.onAcked(typeUrl, framed);
    if (typeUrl !== typeUrls.endpoints || this.#options.onEndpoint === undefined) return;
    for (const resource of resources) this.#takeAddresses(resource.name, addressesOf(resource), framed);
    for (const name of removedResources) this.#takeAddresses(name, new Set(), framed);
  }

  #takeAddresses(name: string, addresses: ReadonlySet<string>, framed: Buffer): void {
    const before = this.#addresses.get(name) ?? new Set();
    this.#addresses.set(shared(name), addresses);
    for (const address of addresses) if (!before.has(address)) this.#options.onEndpoint?.(address, true, framed);
    for (const address of before) if (!addresses.has(address)) this.#options.onEndpoint?.(address, false, framed);
  }

  /** Asks for what new clusters and listeners name. */
  #follow(typeUrl: string, resources: readonly Resource[]): void {
    const next =
      typeUrl === typeUrls.cluster ? typeUrls.endpoints : typeUrl === typeUrls.listener ? typeUrls.route : '';
    if (next === '') return;
    const wanted = this.#wanted.get(next) ?? new Set<string>();
    const first = !this.#wanted.has(next);
    const added = resources.flatMap(namesIn).filter((name) => !wanted.has(name));
    if (added.length === 0) return;
    for (const name of added) wanted.add(name);
    this.#wanted.set(next, wanted);
    if (first) this.#begin(next, added);
    else this.#send({ typeUrl: next, resourceNamesSubscribe: added });
  }
}

const texts = new Map<string, string>();

/** The same text, kept once for all clients: a thousand of them hold the same thousand names. */
function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, text);
  return text;
}

const known = new Map<string, readonly string[]>();

/** Names of endpoints or routes that a cluster or a listener needs; read once for all clients. */
function namesIn({ name, version, resource }: Resource): readonly string[] {
  const key = `${name} ${version}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const names = resource === undefined ? [] : [...edsNames(resource), ...rdsNames(resource)];
  known.set(key, names);
  return names;
}

function edsNames(resource: NonNullable<Resource['resource']>): string[] {
  const cluster = anyUnpack(resource, ClusterSchema);
  const type = cluster?.clusterDiscoveryType;
  if (type?.case !== 'type' || type.value !== DiscoveryType.EDS) return [];
  return [cluster?.edsClusterConfig?.serviceName || cluster?.name || ''];
}

function rdsNames(resource: NonNullable<Resource['resource']>): string[] {
  const filters = anyUnpack(resource, ListenerSchema)?.filterChains.flatMap((chain) => chain.filters) ?? [];
  return filters.flatMap(({ configType }) => {
    if (configType.case !== 'typedConfig') return [];
    const routes = anyUnpack(configType.value, HttpConnectionManagerSchema)?.routeSpecifier;
    return routes?.case === 'rds' ? [routes.value.routeConfigName] : [];
  });
}
