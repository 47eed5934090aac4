import type { Limits } from '@weft/service-kit';
import { ServiceError } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';

/** What a connection to weft.api.v1 may take: its requests are a few names and a reason. Default: 64 KiB and 64 calls at once. */
export const apiLimits: Partial<Limits> = { maxMessageBytes: 64 << 10, maxConcurrentStreams: 64 };

/** Meshes of an earlier time that are made at once; each costs what the mesh does. */
const maxPastMeshes = 2;

/** The longest text that somebody gives a reason or a name by, in characters. */
const maxTextChars = 1000;

/** Throws a `ServiceError` (INVALID_ARGUMENT) when a text is too long to be kept and shown. */
export function checkText(field: string, text: string): void {
  if (text.length <= maxTextChars) return;
  const message = `${field} of ${text.length} characters must have at most ${maxTextChars}`;
  throw new ServiceError(grpcCode.invalidArgument, message);
}

/** Counts what is under way of something expensive. */
export class PastMeshes {
  #underWay = 0;

  /** Runs one more. Rejects with a `ServiceError` (RESOURCE_EXHAUSTED) when there are as many as may be. */
  async run<T>(make: () => Promise<T>): Promise<T> {
    if (this.#underWay >= maxPastMeshes) {
      const message = `at most ${maxPastMeshes} questions about an earlier time are answered at once; try again`;
      throw new ServiceError(grpcCode.resourceExhausted, message);
    }
    this.#underWay++;
    try {
      return await make();
    } finally {
      this.#underWay--;
    }
  }
}
