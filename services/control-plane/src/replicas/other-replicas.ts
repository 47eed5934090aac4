import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { controlPlaneName } from '@weft/compiler/pod/names';
import type { Roots } from '../identity/root-state.ts';
import {
  type FirstCall,
  type FirstCallAnswer,
  firstCallAnswerSchema,
  firstCallPath,
  maxFirstCallBytes,
  notConnected,
} from './first-call.ts';
import { replicaToken } from './replica-token.ts';

export interface OtherReplicasOptions {
  /** Where they listen for proxies now, "host:port". */
  readonly addresses: () => Promise<readonly string[]>;
  readonly roots: () => Roots;
  /** How long a replica may take to answer. */
  readonly timeoutMs: number;
  /** For how long the addresses are believed. Default: 3 s. */
  readonly addressesLiveMs?: number;
  readonly log: { warn(fields: object, message: string): void };
  /** Default: Date.now. */
  readonly now?: () => number;
}

/** Addresses that were just read are not read again for a sidecar that nobody knows. */
const minAddressesLiveMs = 500;

/**
 * The other replicas of this control plane. A proxy has several connections to the control plane, and each may be to another replica:
 * one that is asked about a call may not be the one that sends the proxy its routes.
 */
export class OtherReplicas {
  readonly #options: OtherReplicasOptions;
  readonly #now: () => number;
  readonly #sessions = new Map<string, ClientHttp2Session>();
  #known: { readonly addresses: Promise<readonly string[]>; readonly atMs: number } | undefined;

  constructor(options: OtherReplicasOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Tells the replica where the caller's sidecar is connected. Never rejects: a replica that does not answer counts as not connected. */
  async tell(call: FirstCall): Promise<FirstCallAnswer> {
    const { addressesLiveMs = 3000 } = this.#options;
    const answer = await this.#tellAll(call, await this.#addresses(addressesLiveMs));
    if (answer.connected) return answer;
    // The sidecar may be with a replica that has just started.
    return this.#tellAll(call, await this.#addresses(minAddressesLiveMs));
  }

  /** Ends the connections. */
  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }

  async #addresses(liveMs: number): Promise<readonly string[]> {
    const now = this.#now();
    if (this.#known === undefined || now - this.#known.atMs >= liveMs) {
      const addresses = this.#options.addresses().catch((error: unknown) => {
        this.#options.log.warn({ error: String(error) }, 'the other replicas cannot be found');
        return [];
      });
      this.#known = { addresses, atMs: now };
    }
    return this.#known.addresses;
  }

  /** The first answer of a replica that has the sidecar, else that none has it. */
  async #tellAll(call: FirstCall, addresses: readonly string[]): Promise<FirstCallAnswer> {
    const answers = addresses.map(async (address) => {
      const answer = await this.#tellOne(address, call);
      return answer.connected ? answer : Promise.reject(new Error(`the sidecar of ${call.workload} is not there`));
    });
    return Promise.any(answers).catch(() => notConnected);
  }

  #tellOne(address: string, call: FirstCall): Promise<FirstCallAnswer> {
    return new Promise((resolve, reject) => {
      const { roots, timeoutMs } = this.#options;
      const stream = this.#session(address).request({
        ':method': 'POST',
        ':path': firstCallPath,
        'content-type': 'application/json',
        authorization: replicaToken(roots(), this.#now()),
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      let status: number | undefined;
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs);
      stream.on('response', (headers) => {
        status = headers[':status'];
      });
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxFirstCallBytes) chunks.push(chunk);
        else stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('error', () => undefined);
      stream.on('close', () => {
        clearTimeout(timer);
        try {
          if (status !== 200) throw new Error(`the replica at ${address} answered with ${status ?? 'nothing'}`);
          resolve(firstCallAnswerSchema.parse(JSON.parse(Buffer.concat(chunks).toString())));
        } catch (error) {
          reject(error);
        }
      });
      stream.end(JSON.stringify(call));
    });
  }

  #session(address: string): ClientHttp2Session {
    const open = this.#sessions.get(address);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const ca = this.#options.roots().bundle;
    const session = connect(`https://${address}`, { ca, servername: controlPlaneName });
    session.unref();
    this.#sessions.set(address, session);
    session.on('error', (error) =>
      this.#options.log.warn({ replica: address, error: error.message }, 'another replica cannot be reached'),
    );
    session.on('close', () => {
      if (this.#sessions.get(address) === session) this.#sessions.delete(address);
    });
    return session;
  }
}
