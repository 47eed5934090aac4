import type { IncomingHttpHeaders } from 'node:http2';
import type { Graph, Turn } from '@weft/collections';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Override } from '@weft/compiler/model/override';
import type { ClaimStore } from '../history/claim-store.ts';
import type { PinStore } from '../history/pin-store.ts';
import type { RootStore } from '../identity/root-directory.ts';
import type { DatedProblem } from '../status/problem-log.ts';
import type { Authentication } from '../xds/transport.ts';

/** As much of a logger as environments use. */
export interface EnvironmentLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the control plane gives its environment. */
export interface Stage {
  readonly log: EnvironmentLog;
  /** Runs a turn of the graph, in which a source sets what has changed. */
  turn(change: () => void): Turn;
  /** Ends the stream of a workload whose proof is no longer valid. */
  drop(workload: WorkloadId): void;
  /** Every root that is trusted now, PEM. */
  bundle(): string;
  /** Proxies connected here that have not taken the present bundle. */
  unacknowledged(): readonly string[];
}

/**
 * Where a control plane runs: what the laptop and the cluster do differently, and nothing else. Everything between is the same code.
 */
export interface Environment {
  readonly rootStore: RootStore;
  /** Where the revision is kept that the mesh is held at. Absent: in the state directory. */
  readonly pins?: PinStore;
  /** Where it is kept who had a path at a gateway first. Absent: in the state directory. */
  readonly claims?: ClaimStore;
  /** How long all replicas may take to hear of a phase of the root's rotation. */
  readonly handoverMs: number;
  /** Whether this replica decides about the root and writes the status. */
  decides(): boolean;
  /** Proxies of other replicas that have not taken a bundle. */
  othersWaiting(bundle: string): Promise<readonly string[]>;
  /** Where the other replicas listen for proxies, "host:port". */
  otherReplicas(): Promise<readonly string[]>;
  /** The collections of what is out there. Called once, before `open`. */
  facts(graph: Graph): FactCollections;
  /** Begins to follow what is out there. Resolves after the first turn. */
  open(stage: Stage): Promise<void>;
  /** Tells whose proxy calls. */
  authenticate(headers: IncomingHttpHeaders): Promise<Authentication>;
  /** Whom to trust has changed. */
  rootsChanged(): void;
  /** Everything serves. */
  serving(): Promise<void>;
  /** What is to be said about the mesh where its users look; once the mesh is known. */
  report(problems: readonly DatedProblem[], overrides: readonly Override[]): void;
  /** Waits until no new proxy is sent here, before streams end. */
  leave(): Promise<void>;
  close(): Promise<void>;
}
