import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { plainTextKey } from '@weft/compiler/envoy/filter-chain-inbound';
import { againHeader, calledPortHeader } from '@weft/compiler/envoy/names';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { outboundPort } from '@weft/compiler/pod/ports';
import type { AttributeContext, AttributeContext_Peer } from '@weft/envoy-api/envoy/service/auth/v3/attribute_context';
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
import type { FirstCalls } from './first-calls.ts';
import { plainTextRefusal } from './plain-text-refusal.ts';
import { admitting, type Refusal, refusalOf, unknownYet } from './refusal.ts';

/** The path of the method that proxies ask about calls which have no route. */
export const checkPath = '/envoy.service.auth.v3.Authorization/Check';

export interface Refusals {
  /** Answers `checkPath`: with the sentence for a caller that may not call, or once the caller's sidecar knows the callee. */
  readonly method: AuthenticatedMethod;
  readonly counts: DenialCounts;
}

/**
 * What a proxy asks about a call that it has no route for. If the caller may make the call, its proxy is told of the callee, and the call
 * goes on once the proxy has taken that: the first call costs a moment and never fails. Else it is refused. The answer is made here, so that a proxy need not hold a word about
 * services that it may not call, and its memory stays flat as the mesh grows.
 */
export function createRefusals(options: {
  readonly mesh: () => Mesh | undefined;
  /** Told of the first call of each caller to each method. */
  readonly onFirst?: (refusal: Refusal, path: string, workload: WorkloadId) => void;
  /** Tells sidecars of callees at the first call. Absent: they are told of all that their applications may call. */
  readonly firstCalls?: Pick<FirstCalls, 'tell' | 'tellAndWait'>;
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
    const { path: asked = '', host: named = '', headers = {} } = attributes?.request?.http ?? {};
    const host = withCalledPort(named, headers[calledPortHeader]);
    const isPlainText = attributes?.contextExtensions[plainTextKey] !== undefined;
    if (!isPlainText && options.firstCalls && passesOf(headers) < maxPasses) {
      const callees = admitting(mesh, workload, asked, host);
      if (callees.length > 0 && (await options.firstCalls.tellAndWait(workload, callees))) {
        call.finish({ code: grpcCode.ok }, call.frame(goesOn));
        return;
      }
    }
    const { path, ...refusal } = isPlainText
      ? await plainText(mesh, workload, asked, attributes)
      : { path: asked, ...refusalOf(mesh, workload, asked, host) };
    // A call that its proxy does not know yet was not denied.
    if (refusal.httpStatus !== 503 && counts.add(refusal, path)) options.onFirst?.(refusal, path, workload);
    call.finish({ code: grpcCode.ok }, call.frame(toBinary(CheckResponseSchema, checkResponse(refusal))));
  };
  /** A caller whose sidecar was not told of the callee comes so, when it calls an address. The next call finds the callee. */
  const plainText = async (mesh: Mesh, callee: WorkloadId, path: string, { source, destination }: AttributeContext) => {
    const { admitted, ...refusal } = plainTextRefusal(mesh, callee, portOf(destination), path, addressOf(source));
    if (admitted === undefined) return refusal;
    if (!(await options.firstCalls?.tell(admitted.workload, [admitted.service]))) return refusal;
    return { ...refusal, httpStatus: 503 as const, message: unknownYet(refusal.caller, path.slice(1)) };
  };
  return { method, counts };
}

/** The most times that a sidecar sends one call to itself: a worker thread may be late with the routes that its proxy has taken. */
const maxPasses = 3;

/** A call's host with its port: the one that it names, else the one that its redirected connection was made to. */
function withCalledPort(host: string, called: string | undefined): string {
  if (host === '' || called === undefined || called === String(outboundPort) || /:\d+$/.test(host)) return host;
  return `${host}:${called}`;
}

/** How often a sidecar has sent a call to itself. */
function passesOf(headers: Readonly<Record<string, string>>): number {
  return headers[againHeader]?.split(',').length ?? 0;
}

/** The call goes on to the sidecar's own listener, where it finds its route. */
const goesOn = toBinary(
  CheckResponseSchema,
  create(CheckResponseSchema, { status: { code: grpcCode.ok }, httpResponse: { case: 'okResponse', value: {} } }),
);

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
