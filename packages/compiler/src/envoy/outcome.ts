import { create } from '@bufbuild/protobuf';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '@weft/envoy-api/envoy/config/core/v3/base';
import type { RetryCode } from '../model/method.ts';
import { failureHeader, outcomeHeader } from './names.ts';

// Only the innermost hop repeats a call. The callee's sidecar says of each answer how it ended and whose failure it is, in one
// header, because Envoy's retry conditions cannot ask for two things at once: "200/14/own", "503//leaf", "200/14/". The caller's
// sidecar repeats what is the callee's own failure and has one of the contract's codes.

/** Every code as gRPC says it, and as Connect and plain HTTP do. */
const statusOf: Readonly<Record<RetryCode, { readonly grpc: number; readonly http: readonly number[] }>> = {
  cancelled: { grpc: 1, http: [499] },
  'deadline-exceeded': { grpc: 4, http: [504] },
  internal: { grpc: 13, http: [500] },
  'resource-exhausted': { grpc: 8, http: [429] },
  unavailable: { grpc: 14, http: [502, 503] },
};

/** A code's number in gRPC. */
export function grpcStatusOf(code: RetryCode): number {
  return statusOf[code].grpc;
}

/**
 * Says of an application's answer how it ended. An application that calls nobody fails by itself ("leaf"), unless it says that only
 * the deadline has passed. One that calls others may pass their failure on, and its sidecar cannot tell: then only the application's
 * own word, which the service kit gives, makes it its own.
 */
export function applicationOutcome(callsOthers: boolean): HeaderValueOption {
  const itsWord = `%RESP(${failureHeader.toUpperCase()})%`;
  return outcome(`%RESP(:STATUS)%/%RESP(GRPC-STATUS)%/${callsOthers ? itsWord : `leaf${itsWord}`}`);
}

/** Says of an answer in the application's stead that the replica is to blame. */
export function ownOutcome(httpStatus: number): HeaderValueOption {
  return outcome(`${httpStatus}//own`);
}

/**
 * Says that the time which the contract gives the call is over. Nobody repeats that: the sidecars' clocks end within moments of each
 * other, and were the callee's first, its caller would send a call anew that has no time left.
 */
export const deadlineOutcome: HeaderValueOption = outcome('504//late');

/** Says of a made-up answer that it ended with a code, as if the replica were to blame. */
export function codeOutcome(code: RetryCode): HeaderValueOption {
  return outcome(`200/${statusOf[code].grpc}/own`);
}

/** Matches the outcomes that a repeat may mend, by an expression in RE2's syntax for the whole header. */
export function retriableOutcome(codes: readonly RetryCode[]): string {
  const grpc = codes.map((code) => statusOf[code].grpc).join('|');
  const http = codes.flatMap((code) => statusOf[code].http).join('|');
  return `([0-9]+/(${grpc})|(${http})/)/(own|leaf(own)?)`;
}

function outcome(value: string): HeaderValueOption {
  return create(HeaderValueOptionSchema, {
    header: { key: outcomeHeader, value },
    // An application cannot say it in its sidecar's stead.
    appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  });
}
