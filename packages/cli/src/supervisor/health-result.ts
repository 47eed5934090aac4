import { reasonOf } from '../command-error.ts';
import { isNobodyListening } from '../system-error.ts';

/** How long an application may take to say how it is. */
export const probeTimeoutMs = 3_000;

/** The reason of an application that takes longer. */
export const lateReason = `its health check takes longer than ${probeTimeoutMs} ms`;

/** What a check found. */
export interface HealthResult {
  /** Empty when it serves, else why not, in a few words. */
  readonly reason: string;
  /** It did not answer in time, which a busy machine explains as well as a broken application. */
  readonly late: boolean;
}

/** Asks an application for its health. */
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
