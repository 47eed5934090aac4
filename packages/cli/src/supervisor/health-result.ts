import { reasonOf } from '../command-error.ts';
import { isNobodyListening } from '../system-error.ts';

/** How long a health check may take. */
export const probeTimeoutMs = 3_000;

/** The reason of an application that takes longer. */
export const lateReason = `its health check takes longer than ${probeTimeoutMs} ms`;

/** The result of a check. */
export interface HealthResult {
  /** Empty if it serves; otherwise why not, in a few words. */
  readonly reason: string;
  /** Whether it did not answer in time, which may be the fault of a busy machine rather than the application. */
  readonly late: boolean;
}

/** Checks the health of an application. */
export interface HealthProbe {
  /** Never rejects. */
  check(): Promise<HealthResult>;
  close(): void;
}

/** That an application serves. */
export const serves: HealthResult = { reason: '', late: false };

/** Why a check was not answered, in a few words. */
export function explainFailure(error: unknown): string {
  return isNobodyListening(error) ? 'it does not listen yet' : `its health check failed (${reasonOf(error)})`;
}
