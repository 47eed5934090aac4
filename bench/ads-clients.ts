/**
 * Many ADS clients in one process. Its parent sends a ClientsCommand; each is answered once it is done. A process of its own, so
 * that what the clients cost is neither the server's nor the benchmark's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AdsClient, AdsRefused } from './ads-client.ts';
import { wallMs } from './control-plane-process.ts';
import { type EndpointEvents, EndpointTracker, endpointEvent } from './endpoint-tracker.ts';

/** What the parent may ask for. */
export type ClientsCommand =
  /** Makes clients of one server, under a name; answered by ClientsDone. */
  | ({ readonly kind: 'make'; readonly group: string; readonly server: string; readonly root?: string } & Members)
  /** Connects them all and waits until every stream is taken and, if they ask, all are warm; answered by ClientsDone. */
  | { readonly kind: 'connect'; readonly group: string }
  /** Ends their connections; answered by ClientsDone. */
  | { readonly kind: 'close'; readonly group: string; readonly forget: boolean }
  /** Waits until each has acknowledged one response of a type; answered by ClientsReady at once, then by ClientsAcked. */
  | { readonly kind: 'expect'; readonly group: string; readonly typeUrl: string; readonly frames: boolean }
  /** Waits until each has acknowledged that an endpoint is there or is gone; answered as `expect` is. */
  | {
      readonly kind: 'expect-endpoint';
      readonly group: string;
      readonly address: string;
      readonly present: boolean;
      readonly frames: boolean;
    }
  /** Endpoints that came or went since the last such command; the first one begins it. Answered by EndpointEvents. */
  | { readonly kind: 'drain-endpoints'; readonly group: string }
  /** Compares what each client holds with what it should hold; answered by ClientsChecked. */
  | {
      readonly kind: 'check-endpoints';
      readonly group: string;
      readonly present: readonly string[];
      readonly absent: readonly string[];
    };

interface Members {
  readonly members: readonly { readonly node: string; readonly token?: string }[];
  readonly secrets: readonly string[];
  readonly asks: boolean;
  /** Whether they read endpoints, as `expect-endpoint` and what follows it need. Default: false. */
  readonly endpoints?: boolean;
}

/** Milliseconds since the epoch at which a command was done: every stream taken, and every client warm. */
export interface ClientsDone {
  readonly takenAt: number;
  readonly warmAt: number;
}

/** When each client wrote its acknowledgement, and what it had received, by node, if that was asked for. */
export interface ClientsAcked {
  readonly at: readonly number[];
  readonly bytes: number;
  readonly frames?: ReadonlyMap<string, Uint8Array>;
}

/** Endpoints that clients miss, and those that they should not hold any more: the sum over all clients. */
export interface ClientsChecked {
  readonly missing: number;
  readonly stale: number;
}

interface Expectation {
  readonly typeUrl: string;
  readonly left: Set<string>;
  readonly at: number[];
  readonly frames: Map<string, Uint8Array>;
  bytes: number;
  readonly done: () => void;
}

const groups = new Map<string, ReadonlyMap<string, AdsClient>>();
const trackers = new Map<string, EndpointTracker>();
/** Clients of a group that is connecting which are not warm yet, and whom to tell when there is none. */
const cold = new Map<string, { readonly nodes: Set<string>; readonly done: () => void }>();
const expectations = new Map<string, Expectation>();
/** Handshakes at once: more only wait for each other. */
const connectAtOnce = 50;
/** A server that is starting, or that takes new tokens at a bounded rate, is asked again after a while. */
const retryMs = 20;
const patienceMs = 60_000;
const unavailable = 14;

process.on('message', (command: ClientsCommand) => {
  perform(command).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));

async function perform(command: ClientsCommand): Promise<ClientsDone | ClientsAcked | ClientsChecked | EndpointEvents> {
  const { group } = command;
  const clients: ReadonlyMap<string, AdsClient> = groups.get(group) ?? new Map();
  switch (command.kind) {
    case 'make': {
      const { server, root, secrets, asks } = command;
      const trust = root === undefined ? {} : { root };
      const make = (member: { node: string; token?: string }) => {
        const onAcked = (typeUrl: string, framed: Buffer) => acked(group, member.node, typeUrl, framed);
        const onEndpoint = (address: string, present: boolean, framed: Buffer) =>
          tracker.take(member.node, endpointEvent(address, present), framed, wallMs());
        const reads = command.endpoints ? { onEndpoint } : {};
        return new AdsClient({ ...member, server, ...trust, secrets, asks, onAcked, ...reads });
      };
      const tracker = new EndpointTracker(command.members.map(({ node }) => node));
      trackers.set(group, tracker);
      groups.set(group, new Map(command.members.map((member) => [member.node, make(member)])));
      return done();
    }
    case 'connect': {
      const asking = [...clients].filter(([, client]) => client.asks && !client.warm).map(([node]) => node);
      const allWarm = new Promise<void>((resolve) => {
        if (asking.length === 0) resolve();
        else cold.set(group, { nodes: new Set(asking), done: resolve });
      });
      const queue = [...clients.values()];
      const next = async (): Promise<void> => {
        for (let client = queue.pop(); client; client = queue.pop()) await connected(client);
      };
      await Promise.all(Array.from({ length: connectAtOnce }, next));
      const takenAt = wallMs();
      await allWarm;
      cold.delete(group);
      return { takenAt, warmAt: wallMs() };
    }
    case 'close':
      for (const client of clients.values()) client.close({ forget: command.forget });
      return done();
    case 'expect': {
      const { typeUrl, frames } = command;
      const left = new Set(clients.keys());
      const all = new Promise<void>((resolve) => {
        expectations.set(group, { typeUrl, left, at: [], frames: new Map(), bytes: 0, done: resolve });
      });
      process.send?.('expecting');
      await all;
      const found = expectations.get(group);
      expectations.delete(group);
      if (found === undefined) throw new Error('nothing was expected');
      return { at: found.at, bytes: found.bytes, ...(frames ? { frames: found.frames } : {}) };
    }
    case 'expect-endpoint': {
      const all = trackerOf(group).expect(endpointEvent(command.address, command.present));
      process.send?.('expecting');
      const { at, frames } = await all;
      const bytes = [...frames.values()].reduce((sum, framed) => sum + framed.length, 0);
      return { at, bytes, ...(command.frames ? { frames } : {}) };
    }
    case 'drain-endpoints':
      return trackerOf(group).drain();
    case 'check-endpoints': {
      const found = { missing: 0, stale: 0 };
      for (const client of clients.values()) {
        const held = client.addresses();
        found.missing += command.present.filter((address) => !held.has(address)).length;
        found.stale += command.absent.filter((address) => held.has(address)).length;
      }
      return found;
    }
  }
}

function trackerOf(group: string): EndpointTracker {
  const tracker = trackers.get(group);
  if (tracker === undefined) throw new Error(`there are no clients ${group}`);
  return tracker;
}

/** Connects as Envoy does: a server that is away or says UNAVAILABLE is tried again. */
async function connected(client: AdsClient): Promise<void> {
  const end = wallMs() + patienceMs;
  for (;;) {
    try {
      return await client.connect();
    } catch (error) {
      client.close();
      const mayPass = !(error instanceof AdsRefused) || error.status === unavailable;
      if (!mayPass || wallMs() > end) throw error;
      await sleep(retryMs);
    }
  }
}

function acked(group: string, node: string, typeUrl: string, framed: Buffer): void {
  const waiting = cold.get(group);
  if (waiting?.nodes.has(node) && groups.get(group)?.get(node)?.warm) {
    waiting.nodes.delete(node);
    if (waiting.nodes.size === 0) waiting.done();
  }
  const expected = expectations.get(group);
  if (expected === undefined || expected.typeUrl !== typeUrl || !expected.left.delete(node)) return;
  expected.at.push(wallMs());
  expected.bytes += framed.length;
  expected.frames.set(node, framed);
  if (expected.left.size === 0) expected.done();
}

function done(): ClientsDone {
  const at = wallMs();
  return { takenAt: at, warmAt: at };
}
