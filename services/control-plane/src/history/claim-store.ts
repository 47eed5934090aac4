import type { StoredClaims } from '@weft/compiler/translation/path-claims';
import { z } from 'zod';

/** Where it is kept over restarts which service had a path at a gateway first. */
export interface ClaimStore {
  /** In words, for those who have to look at it. */
  readonly place: string;
  /** What is kept. Rejects when it is there and cannot be read. */
  load(): Promise<StoredClaims>;
  /** Keeps all of them. Rejects when that cannot be; what was kept before then holds. */
  save(claims: StoredClaims): Promise<void>;
}

const claimsSchema = z.object({
  format: z.literal(1),
  claims: z.record(z.string(), z.object({ sinceMs: z.number(), goneMs: z.number().exactOptional() })),
});

/** What `writeClaims` has written. Throws for anything else. */
export function readClaims(text: string): StoredClaims {
  return claimsSchema.parse(JSON.parse(text)).claims;
}

export function writeClaims(claims: StoredClaims): string {
  return JSON.stringify({ format: 1, claims } satisfies z.input<typeof claimsSchema>);
}
