import { z } from 'zod';

/** The path by which a replica is asked about a `FirstCall`. */
export const firstCallPath = '/weft.internal.Replica/FirstCall';

/** The largest `FirstCall` or answer, in bytes of JSON. */
export const maxFirstCallBytes = 256 << 10;

/** "namespace/name". */
const namespaced = z.templateLiteral([z.string(), '/', z.string()]);

export const firstCallSchema = z.strictObject({
  workload: namespaced,
  services: z.array(namespaced),
  wait: z.boolean(),
});

/**
 * A caller that was seen to call services which it may call, told to the replica where its sidecar is connected. `wait`: until the
 * sidecar has taken their routes.
 */
export type FirstCall = z.infer<typeof firstCallSchema>;

export const firstCallAnswerSchema = z.strictObject({
  connected: z.boolean(),
  changed: z.boolean(),
  taken: z.boolean(),
});

/**
 * What came of a `FirstCall`: whether the sidecar is connected to the replica, whether it was told of a service that it did not know,
 * and whether it has taken the routes.
 */
export type FirstCallAnswer = z.infer<typeof firstCallAnswerSchema>;

/** The answer of a replica where the sidecar is not connected. */
export const notConnected: FirstCallAnswer = { connected: false, changed: false, taken: false };
