import { join } from 'node:path';
import type { MeshDirectory } from '../mesh/mesh-directory.ts';
import type { StateDirectory } from '../state-directory.ts';
import type { Logs } from './logs.ts';
import type { ProcessRecords } from './process-records.ts';

/** What the parts of one running mesh share. */
export interface MeshRun {
  readonly state: StateDirectory;
  readonly mesh: MeshDirectory;
  readonly logs: Logs;
  readonly records: ProcessRecords;
  /** The environment of every process. */
  readonly env: Readonly<Record<string, string>>;
  /** The path of the Envoy binary. */
  readonly envoy: () => Promise<string>;
  /** Where the control plane serves xDS: a port on 127.0.0.1. */
  readonly xdsPort: number;
  /** Prints one sentence to the user. */
  readonly report: (sentence: string) => void;
  /** Notifies waiters that the readiness of a replica changed. */
  readonly changed: () => void;
  /** The admin socket of the Envoy beside a replica. */
  readonly adminSocket: (replica: string) => string;
}

/** The admin socket of the Envoy beside `replica`. Its name is short because the path has a length limit. */
export function adminSocketPath(state: StateDirectory, replica: string): string {
  return join(state.run, `${replica}.admin`);
}
