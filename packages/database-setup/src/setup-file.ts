import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const setupSchema = z.strictObject({
  database: z.string(),
  iam: z.boolean().default(false),
  /** The administrator's Secret is made as well, for a server that is started with it. */
  adminSecret: z.strictObject({ name: z.string(), username: z.string() }).optional(),
  roles: z.array(z.strictObject({ role: z.string(), schema: z.string(), secret: z.string() })),
});

/** Which roles there are to be, and the Secrets that hold their passwords. */
export type Setup = z.infer<typeof setupSchema>;

/** Reads a setup (JSON). Rejects with where it is wrong. */
export async function readSetup(path: string): Promise<Setup> {
  return setupSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}
