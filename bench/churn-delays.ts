import { type EndpointEvents, endpointEvent } from './endpoint-tracker.ts';

interface Change {
  readonly event: string;
  readonly sentMs: number;
  answeredMs: number;
  /** When each client acknowledged it; NaN: not yet. */
  readonly at: Float64Array;
  left: number;
}

/** Which clients have acknowledged which of many changes, and how long each of them took. */
export class ChurnDelays {
  readonly #clients: number;
  readonly #changes: Change[] = [];
  /** Changes by their event, earliest first: an endpoint may come and go several times. */
  readonly #byEvent = new Map<string, Change[]>();

  constructor(clients: number) {
    this.#clients = clients;
  }

  /** A change is under way; they are numbered from 0. */
  sent(change: number, address: string, present: boolean, sentMs: number): void {
    const event = endpointEvent(address, present);
    const at = new Float64Array(this.#clients).fill(Number.NaN);
    const made = { event, sentMs, answeredMs: sentMs, at, left: this.#clients };
    this.#changes[change] = made;
    const before = this.#byEvent.get(event);
    if (before) before.push(made);
    else this.#byEvent.set(event, [made]);
  }

  /** The API server has answered. */
  answered(change: number, atMs: number): void {
    const made = this.#changes[change];
    if (made) made.answeredMs = atMs;
  }

  /** Takes what clients have acknowledged: it shows the latest change of that kind that was sent by then. */
  take({ events }: EndpointEvents): void {
    for (const [event, { clients, at }] of events) {
      const changes = this.#byEvent.get(event) ?? [];
      for (const [index, client] of clients.entries()) {
        const atMs = at[index] ?? Number.NaN;
        const change = changes.findLast(({ sentMs }) => sentMs <= atMs);
        if (change === undefined || !Number.isNaN(change.at[client] ?? 0)) continue;
        change.at[client] = atMs;
        change.left -= 1;
      }
    }
  }

  /** The delays of some changes at all clients that have acknowledged them, and how many ACKs are still to come. */
  between(first: number, end: number): { readonly ms: number[]; readonly waiting: number } {
    const some = this.#changes.slice(first, end);
    const ms = some.flatMap(({ at, answeredMs }) =>
      [...at].filter((atMs) => !Number.isNaN(atMs)).map((atMs) => atMs - answeredMs),
    );
    return { ms, waiting: some.reduce((sum, { left }) => sum + left, 0) };
  }

  /** Changes that some client never acknowledged by themselves, as a later change of the same endpoint undid them before. */
  skipped(): number {
    return this.#changes.filter(({ left }) => left > 0).length;
  }
}
