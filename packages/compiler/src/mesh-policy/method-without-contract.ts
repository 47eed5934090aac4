import type { ContractVersion } from '../model/contract.ts';
import { defaultTimes, type Method } from '../model/method.ts';
import type { MethodEntry } from './schemas.ts';

const safeties = { none: 'unsafe', idempotent: 'idempotent', noSideEffects: 'no_side_effects' } as const;

/** A path of a service without a contract, with every default of weft.policy.v1. */
export function ownMethod(
  { path, kind = 'unary', idempotency = 'none' }: MethodEntry,
  { hash }: ContractVersion,
): Method {
  const grpc = /^\/([\w.]+)\/(\w+)$/.exec(path);
  return {
    path,
    grpcService: grpc?.[1] ?? '',
    name: grpc?.[2] ?? path,
    // Nobody says which side streams, so neither is taken for one message.
    kind: kind === 'unary' ? 'unary' : 'bidi_stream',
    safety: safeties[idempotency],
    callers: new Set(),
    ...(kind === 'unary' ? { deadlineMs: defaultTimes.deadlineMs } : { idleTimeoutMs: defaultTimes.idleTimeoutMs }),
    rateLimits: [],
    http: [],
    versions: [hash],
    origins: {},
  };
}
