import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { NodeSchema } from '@weft/envoy-api/envoy/config/core/v3/base';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { Delivery } from '../delivery.ts';
import type { DeliveryStream } from '../delivery-stream.ts';
import { workload } from './client.ts';

/** A delta client without a network. */
export class LocalClient {
  readonly stream: DeliveryStream;
  readonly received: DeltaDiscoveryResponse[] = [];
  /** The codes that the stream ended with. */
  readonly ends: string[] = [];
  /** Whether the transport takes no more after the next message. */
  full = false;
  readonly #id: WorkloadId;
  #answered = 0;

  constructor(delivery: Delivery, id: WorkloadId = workload) {
    this.#id = id;
    this.stream = delivery.open(id, 'delta', {
      write: (framed) => {
        this.received.push(fromBinary(DeltaDiscoveryResponseSchema, framed.subarray(5)));
        return !this.full;
      },
      end: (code) => this.ends.push(code),
    });
  }

  ask(fields: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const node = create(NodeSchema, {
      id: this.#id,
      userAgentVersionType: {
        case: 'userAgentBuildVersion',
        value: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
      },
    });
    const request = create(DeltaDiscoveryRequestSchema, { ...fields, node });
    this.stream.receive(toBinary(DeltaDiscoveryRequestSchema, request));
  }

  /** Acknowledges the newest response. */
  ack(): void {
    const { typeUrl = '', nonce = '' } = this.received.at(-1) ?? {};
    this.ask({ typeUrl, responseNonce: nonce });
  }

  /** Acknowledges every response that was not answered yet, also those that come of it. */
  ackAll(): void {
    for (; this.#answered < this.received.length; this.#answered++) {
      const { typeUrl = '', nonce = '' } = this.received[this.#answered] ?? {};
      this.ask({ typeUrl, responseNonce: nonce });
    }
  }

  /** Asks for all clusters and listeners, and for these endpoints and routes, and takes what comes. */
  settle(endpoints: readonly string[], routes: readonly string[] = []): void {
    const names: readonly (readonly [TypeUrl, readonly string[]])[] = [
      [typeUrls.cluster, []],
      [typeUrls.endpoints, endpoints],
      [typeUrls.listener, []],
      [typeUrls.route, routes],
    ];
    for (const [typeUrl, resourceNamesSubscribe] of names) {
      this.ask({ typeUrl, resourceNamesSubscribe: [...resourceNamesSubscribe] });
      this.ackAll();
    }
  }

  /** Takes the responses so far off `received`, in short: "endpoints a". */
  take(): string[] {
    const found = this.received.map(({ typeUrl, resources, removedResources }) => {
      const type = Object.entries(typeUrls).find(([, url]) => url === typeUrl)?.[0];
      return [type, ...resources.map(({ name }) => name), ...removedResources.map((name) => `-${name}`)].join(' ');
    });
    this.received.length = 0;
    this.#answered = 0;
    return found;
  }
}
