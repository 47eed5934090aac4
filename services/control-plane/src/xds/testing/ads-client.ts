import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Client, type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';

/** One request; which fields count depends on the variant. */
export interface Ask {
  readonly typeUrl: string;
  readonly nonce?: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly names?: readonly string[];
  readonly version?: string;
}

/** A response, as far as tests look at it. */
export interface Told {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly count: number;
  /** Delta only. */
  readonly resources: readonly string[];
  readonly contents: ReadonlyMap<string, string>;
}

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** An ADS stream of @grpc/grpc-js. Its token is its workload's id. */
export class AdsClient {
  /** The status code that the stream ended with. */
  readonly ended: Promise<number>;
  /** The server has taken the stream. */
  readonly headers: Promise<unknown>;
  readonly #variant: 'delta' | 'sotw';
  readonly #node: string;
  readonly #call: ClientDuplexStream<Uint8Array, Told>;
  readonly #told: Told[] = [];
  #waiting: ((told: Told) => void) | undefined;

  constructor(client: Client, variant: 'delta' | 'sotw', token: string, node = token) {
    this.#variant = variant;
    this.#node = node;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    const path = `${service}/${variant === 'delta' ? 'Delta' : 'Stream'}AggregatedResources`;
    const read = variant === 'delta' ? readDelta : readSotw;
    this.#call = client.makeBidiStreamRequest(path, (bytes: Uint8Array) => Buffer.from(bytes), read, metadata);
    this.ended = new Promise((resolve) => this.#call.on('status', ({ code }) => resolve(code)));
    this.headers = new Promise((resolve) => this.#call.on('metadata', resolve));
    this.#call.on('error', () => {}); // 'status' says it too.
    this.#call.on('data', (told: Told) => {
      if (this.#waiting) this.#waiting(told);
      else this.#told.push(told);
      this.#waiting = undefined;
    });
  }

  ask({ typeUrl, nonce = '', subscribe = [], unsubscribe = [], names = [], version = '' }: Ask): void {
    const common = { node: { id: this.#node }, typeUrl, responseNonce: nonce };
    const bytes =
      this.#variant === 'delta'
        ? toBinary(
            DeltaDiscoveryRequestSchema,
            create(DeltaDiscoveryRequestSchema, {
              ...common,
              resourceNamesSubscribe: [...subscribe],
              resourceNamesUnsubscribe: [...unsubscribe],
            }),
          )
        : toBinary(
            DiscoveryRequestSchema,
            create(DiscoveryRequestSchema, { ...common, resourceNames: [...names], versionInfo: version }),
          );
    this.#call.write(bytes);
  }

  /** The next response. */
  next(): Promise<Told> {
    const told = this.#told.shift();
    return told
      ? Promise.resolve(told)
      : new Promise((resolve) => {
          this.#waiting = resolve;
        });
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

function readDelta(bytes: Buffer): Told {
  const { typeUrl, nonce, systemVersionInfo: version, resources } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
  const contents = new Map(resources.map(({ name, resource }) => [name, text(resource?.value)]));
  return { typeUrl, nonce, version, count: resources.length, resources: [...contents.keys()].sort(), contents };
}

function readSotw(bytes: Buffer): Told {
  const { typeUrl, nonce, versionInfo: version, resources } = fromBinary(DiscoveryResponseSchema, bytes);
  return { typeUrl, nonce, version, count: resources.length, resources: [], contents: new Map() };
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}
