import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { plainTextKey } from '@weft/compiler/envoy/filter-chain-inbound';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import type { AttributeContext_Peer } from '@weft/envoy-api/envoy/service/auth/v3/attribute_context';
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '@weft/envoy-api/envoy/service/auth/v3/external_auth';
import { GrpcError, grpcCode } from '@weft/service-kit/grpc';
import { AskerRates } from '../budget/asker-rates.ts';
import type { Rate } from '../budget/token-bucket.ts';
import type { AuthenticatedMethod } from '../xds/transport.ts';
import { DenialCounts } from './denial-counts.ts';
import { plainTextRefusal } from './plain-text-refusal.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** The path of the method that proxies ask about calls which have no route. */
export const checkPath = '/envoy.service.auth.v3.Authorization/Check';

export interface Refusals {
  /** Answers `checkPath`: always with a refusal, and with the sentence for the caller. */
  readonly method: AuthenticatedMethod;
  readonly counts: DenialCounts;
}

/**
 * What a proxy asks about a call that it has no route for. The answer is made here, so that a proxy need not hold a word about
 * services that it may not call, and its memory stays flat as the mesh grows.
 */
export function createRefusals(options: {
  readonly mesh: () => Mesh | undefined;
  /** Told of the first call of each caller to each method. */
  readonly onFirst?: (refusal: Refusal, path: string, workload: WorkloadId) => void;
  /** How many questions each workload has. Default: 500 a second, 2,000 at once. */
  readonly rate?: Rate;
  /** Told when a workload asks more: its calls are then refused without words. */
  readonly onExceeded?: (workload: WorkloadId, message: string) => void;
}): Refusals {
  const counts = new DenialCounts();
  const { rate = { perSecond: 500, burst: 2000 } } = options;
  const questions = new AskerRates(rate);
  const method: AuthenticatedMethod = async (call, workload) => {
    if (!questions.take(workload, 1)) {
      const message = `${workload} asks about more than ${rate.perSecond} calls a second that it may not make`;
      options.onExceeded?.(workload, message);
      throw new GrpcError(grpcCode.resourceExhausted, message);
    }
    const request = await only(call.messages);
    const mesh = options.mesh();
    if (mesh === undefined) throw new GrpcError(grpcCode.unavailable, 'the mesh is not known yet');
    const { attributes } = fromBinary(CheckRequestSchema, request);
    const { path: asked = '', host = '' } = attributes?.request?.http ?? {};
    const { path, ...refusal } =
      attributes?.contextExtensions[plainTextKey] === undefined
        ? { path: asked, ...refusalOf(mesh, workload, asked, host) }
        : plainTextRefusal(mesh, workload, portOf(attributes.destination), asked, addressOf(attributes.source));
    // A call that its proxy does not know yet was not denied.
    if (refusal.httpStatus !== 503 && counts.add(refusal, path)) options.onFirst?.(refusal, path, workload);
    call.finish({ code: grpcCode.ok }, call.frame(toBinary(CheckResponseSchema, checkResponse(refusal))));
  };
  return { method, counts };
}

function addressOf(peer: AttributeContext_Peer | undefined): string {
  const address = peer?.address?.address;
  return address?.case === 'socketAddress' ? address.value.address : '';
}

function portOf(peer: AttributeContext_Peer | undefined): number {
  const address = peer?.address?.address;
  const port = address?.case === 'socketAddress' ? address.value.portSpecifier : undefined;
  return port?.case === 'portValue' ? port.value : 0;
}

function checkResponse({ httpStatus, message }: Refusal): CheckResponse {
  return create(CheckResponseSchema, {
    status: { code: grpcCode.permissionDenied, message },
    httpResponse: {
      case: 'deniedResponse',
      value: {
        status: { code: httpStatus },
        headers: [{ header: { key: 'content-type', value: 'text/plain' } }],
        body: message,
      },
    },
  });
}

async function only(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const message of messages) return message;
  throw new GrpcError(grpcCode.invalidArgument, 'the request must be one message, not none');
}
