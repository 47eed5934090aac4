import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { XdsLimits } from './limits.ts';
import type { StreamState } from './stream-state.ts';

/** What a request takes to decode, as its outermost fields say before it is decoded. */
export interface RequestSize {
  /** Names of resources in it. */
  readonly names: number;
  /** The longest of them, in bytes. */
  readonly longestName: number;
  /** It refuses a response. */
  readonly refuses: boolean;
}

const { field: delta } = DeltaDiscoveryRequestSchema;
const { field: sotw } = DiscoveryRequestSchema;

const layouts = {
  delta: {
    names: new Set([delta.resourceNamesSubscribe.number, delta.resourceNamesUnsubscribe.number]),
    held: delta.initialResourceVersions.number,
    error: delta.errorDetail.number,
  },
  sotw: { names: new Set([sotw.resourceNames.number]), held: -1, error: sotw.errorDetail.number },
} as const;

const lengthDelimited = 2;

/** Reads the size of a request in one pass over its outermost fields. Undefined: it is no protobuf message. */
export function requestSize(message: Uint8Array, variant: StreamState['variant']): RequestSize | undefined {
  const { names: nameFields, held, error } = layouts[variant];
  let names = 0;
  let longestName = 0;
  let refuses = false;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const [field, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType === lengthDelimited) {
      const length = varint();
      if (nameFields.has(field) || field === held) {
        names++;
        // What is held comes with its version, which is shorter than any name may be.
        longestName = Math.max(longestName, field === held ? length / 2 : length);
      } else if (field === error) refuses = true;
      at += length;
    } else if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else return undefined;
    if (!(at <= message.length)) return undefined;
  }
  return { names, longestName, refuses };
}

/** Why a request is too large, in words for the caller; undefined: it is not. */
export function tooLargeRequest({ names, longestName }: RequestSize, limits: XdsLimits): string | undefined {
  const { maxNamesPerRequest, maxNameBytes } = limits;
  if (names > maxNamesPerRequest) {
    return `a request with ${names} names of resources must have at most ${maxNamesPerRequest}`;
  }
  if (longestName > maxNameBytes) return `a name of ${longestName} bytes must have at most ${maxNameBytes}`;
  return undefined;
}

/** What a request counts for in the budget of work, in bytes. */
export function workOf(message: Uint8Array, { refuses }: RequestSize): number {
  return Math.max(message.length, minWork) + (refuses ? refusalWork : 0);
}

const minWork = 256;

/** A refusal is searched for the names of everything that was sent. */
const refusalWork = 64 << 10;

/** What the opening of a stream counts for: its view may have to be compiled. */
export const openingWork = 512 << 10;
