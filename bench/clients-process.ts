import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ClientsAcked, ClientsChecked, ClientsCommand, ClientsDone } from './ads-clients.ts';
import type { EndpointEvents } from './endpoint-tracker.ts';

type Make = Omit<Extract<ClientsCommand, { kind: 'make' }>, 'kind'>;

/** The process of ads-clients.ts, as its parent uses it: one command at a time. */
export class ClientsProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<never>;

  constructor() {
    this.#child = fork(new URL('./ads-clients.ts', import.meta.url), { serialization: 'advanced' });
    this.#gone = once(this.#child, 'exit').then(() => Promise.reject(new Error('the clients have ended')));
    this.#gone.catch(() => {});
  }

  async make(options: Make): Promise<void> {
    await this.#ask({ kind: 'make', ...options });
  }

  /** Resolves when all are connected and warm. */
  async connect(group: string): Promise<ClientsDone> {
    return this.#ask({ kind: 'connect', group });
  }

  async disconnect(group: string, { forget }: { forget: boolean }): Promise<void> {
    await this.#ask({ kind: 'close', group, forget });
  }

  /** Waits for one response of a type at each client. Resolves when the clients are watching, with what waits for the rest. */
  expect(group: string, typeUrl: string, frames: boolean): Promise<() => Promise<Acked>> {
    return this.#expect({ kind: 'expect', group, typeUrl, frames });
  }

  /** As `expect`, for an endpoint that comes or goes at each client. */
  expectEndpoint(group: string, address: string, options: { present: boolean; frames: boolean }) {
    return this.#expect({ kind: 'expect-endpoint', group, address, ...options });
  }

  /** Endpoints that came or went since the last call; the first one begins it. */
  async drainEndpoints(group: string): Promise<EndpointEvents> {
    return this.#ask({ kind: 'drain-endpoints', group });
  }

  /** Compares the addresses that clients hold with those that they should and should not hold. */
  async checkEndpoints(group: string, present: readonly string[], absent: readonly string[]): Promise<ClientsChecked> {
    return this.#ask({ kind: 'check-endpoints', group, present, absent });
  }

  async #expect(command: ClientsCommand): Promise<() => Promise<Acked>> {
    const answer = this.#next();
    this.#child.send(command);
    await answer;
    const acked = this.#next();
    return async () => {
      const { at, ...rest }: ClientsAcked = await acked;
      return { acked: at, ...rest };
    };
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #ask(command: ClientsCommand) {
    const answer = this.#next();
    this.#child.send(command);
    return answer;
  }

  async #next() {
    const [message] = await Promise.race([once(this.#child, 'message'), this.#gone]);
    return message;
  }
}

/** What came of a change. */
export interface Acked extends Omit<ClientsAcked, 'at'> {
  /** Milliseconds since the epoch at which each client wrote its acknowledgement. */
  readonly acked: readonly number[];
}
