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

/** Reads a setup (JSON). Throws with where it is wrong. */
export function readSetup(text: string): Setup {
  return setupSchema.parse(JSON.parse(text));
}
