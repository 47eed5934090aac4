import type { Http2Session, Http2Stream } from 'node:http2';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { XdsLimits } from './limits.ts';

type Bounds = Pick<XdsLimits, 'maxCallsPerWorkload' | 'maxConnectionsPerWorkload'>;

/** The connections and calls that each workload has open. */
export class WorkloadCalls {
  readonly #bounds: Bounds;
  readonly #calls = new Map<WorkloadId, number>();
  readonly #connections = new Map<WorkloadId, Set<Http2Session>>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Counts a call of a workload until its HTTP/2 stream closes; why it is one too many, undefined: it is not. */
  begin(workload: WorkloadId, stream: Http2Stream, session: Http2Session): string | undefined {
    const { maxCallsPerWorkload, maxConnectionsPerWorkload } = this.#bounds;
    const calls = this.#calls.get(workload) ?? 0;
    if (calls >= maxCallsPerWorkload) return `${workload} must have at most ${maxCallsPerWorkload} calls under way`;
    const connections = this.#connections.get(workload) ?? new Set();
    if (!connections.has(session)) {
      if (connections.size >= maxConnectionsPerWorkload) {
        return `${workload} must have at most ${maxConnectionsPerWorkload} connections`;
      }
      if (session.destroyed || stream.closed) return undefined;
      this.#connections.set(workload, connections.add(session));
      session.once('close', () => {
        connections.delete(session);
        if (connections.size === 0 && this.#connections.get(workload) === connections)
          this.#connections.delete(workload);
      });
    }
    if (stream.closed) return undefined;
    this.#calls.set(workload, calls + 1);
    stream.once('close', () => {
      const left = (this.#calls.get(workload) ?? 1) - 1;
      if (left > 0) this.#calls.set(workload, left);
      else this.#calls.delete(workload);
    });
    return undefined;
  }
}
