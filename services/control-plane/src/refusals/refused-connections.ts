import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { told } from '@weft/compiler/envoy/refused-log';
import { callerName } from '@weft/compiler/model/caller-name';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { portAccess } from '@weft/compiler/model/port-access';
import type { Address } from '@weft/envoy-api/envoy/config/core/v3/address';
import { AccessLogType } from '@weft/envoy-api/envoy/data/accesslog/v3/accesslog';
import {
  StreamAccessLogsMessageSchema,
  StreamAccessLogsResponseSchema,
} from '@weft/envoy-api/envoy/service/accesslog/v3/als';
import { grpcCode } from '@weft/service-kit/grpc';
import { AskerRates } from '../budget/asker-rates.ts';
import type { Rate } from '../budget/token-bucket.ts';
import type { AuthenticatedMethod } from '../xds/transport.ts';
import { targetAt, workloadAt } from './at-address.ts';
import type { DenialCounts } from './denial-counts.ts';
import type { FirstCalls } from './first-calls.ts';
import type { PlainTextCall, PlainTextCalls } from './plain-text-calls.ts';
import type { Admitted } from './plain-text-refusal.ts';
import { policyLine, type Refusal } from './refusal.ts';

/** The path of the method by which proxies tell of connections that they closed because nobody may make them. */
export const refusedConnectionsPath = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** Takes what proxies tell, and counts it as other refusals are. Whoever was refused has seen a closed connection and no words. */
export function createRefusedConnections(options: {
  readonly mesh: () => Mesh | undefined;
  readonly counts: DenialCounts;
  /** Of calls in plain text that were taken, where that is permissive. */
  readonly plainText: PlainTextCalls;
  /** Told of the first connection of each caller to each port. */
  readonly onFirst?: (refusal: Refusal, path: string, workload: WorkloadId) => void;
  /** Told of a caller that may connect, and whose proxy does not know the callee: its next connection goes through. */
  readonly firstCalls?: Pick<FirstCalls, 'tell'>;
  /** How many connections each workload may tell of. Default: 1,000 a second, 10,000 at once. */
  readonly rate?: Rate;
  /** Told when a workload tells of more: those are not counted. */
  readonly onExceeded?: (workload: WorkloadId, message: string) => void;
}): AuthenticatedMethod {
  const { rate = { perSecond: 1000, burst: 10_000 } } = options;
  const entries = new AskerRates(rate);
  return async (call, workload) => {
    let isPlainText = false;
    for await (const message of call.messages) {
      const { logEntries, identifier } = fromBinary(StreamAccessLogsMessageSchema, message);
      // Only the first message of a stream says what it is about.
      if (identifier) isPlainText = identifier.logName === told.plainText;
      const mesh = options.mesh();
      if (logEntries.case === undefined || mesh === undefined) continue;
      const { logEntry } = logEntries.value;
      if (!entries.take(workload, logEntry.length)) {
        const message = `${workload} tells of more than ${rate.perSecond} connections a second; the rest is not counted`;
        options.onExceeded?.(workload, message);
        continue;
      }
      for (const { commonProperties } of logEntry) {
        const [source] = ipOf(commonProperties?.downstreamRemoteAddress);
        const [, port] = ipOf(commonProperties?.downstreamLocalAddress);
        if (isPlainText) {
          const again = periodic.has(commonProperties?.accessLogType);
          const { call, first } = options.plainText.add(mesh, { callee: workload, port, address: source, again });
          if (first) options.onFirst?.(takenInPlainText(call), call.target, workload);
          continue;
        }
        const { path, admitted, ...refusal } = refusedConnection(mesh, workload, source, port);
        if (admitted) void options.firstCalls?.tell(admitted.workload, [admitted.service]);
        if (options.counts.add(refusal, path)) options.onFirst?.(refusal, path, workload);
      }
    }
    call.finish(
      { code: grpcCode.ok },
      call.frame(toBinary(StreamAccessLogsResponseSchema, create(StreamAccessLogsResponseSchema))),
    );
  };
}

/** Who was refused at a port of a workload, why, and what would permit it. `path`: the port, as "shop/db:5432". */
export function refusedConnection(
  mesh: Mesh,
  callee: WorkloadId,
  sourceAddress: string,
  port: number,
): Refusal & { readonly path: string; readonly admitted?: Admitted } {
  const source = workloadAt(mesh, sourceAddress);
  const caller = source ? callerName(mesh, source) : sourceAddress;
  const { target: path, service, servicePort } = targetAt(mesh, callee, port);
  const outsider = source ? '' : ', which is not in the mesh,';
  const refused = (why: string, advice?: string) => ({
    caller,
    path,
    httpStatus: 403 as const,
    message: `weft: ${caller}${outsider} may not connect to ${path}; ${why}`,
    ...(advice === undefined ? {} : { advice }),
  });
  if (service === undefined) return refused('the port is no service of the mesh');
  const access = portAccess(service, servicePort);
  const advice = source && policyLine(service, servicePort, caller);
  if (access === 'namespace') return refused(`it takes the workloads of namespace ${service.namespace}`, advice);
  if (access === 'methods') return refused('it takes calls of the mesh only');
  const names = [...access.callers].sort().join(', ') || 'nobody';
  const refusal = refused(`its MeshPolicy names ${names}`, advice);
  if (source === undefined || !access.callers.has(caller)) return refusal;
  return { ...refusal, admitted: { workload: source, service: service.id } };
}

/** Somebody called a port in plain text, and was let in. */
function takenInPlainText({ caller, target, advice }: PlainTextCall): Refusal {
  const message = `weft: ${caller} calls ${target} in plain text; under strict mTLS it may not`;
  return { caller, httpStatus: 403, message, advice };
}

/** Told again and again while a call is open. */
const periodic: ReadonlySet<AccessLogType | undefined> = new Set([
  AccessLogType.TcpPeriodic,
  AccessLogType.DownstreamPeriodic,
]);

function ipOf(address: Address | undefined): [address: string, port: number] {
  if (address?.address.case !== 'socketAddress') return ['', 0];
  const { address: ip, portSpecifier } = address.address.value;
  return [ip, portSpecifier.case === 'portValue' ? portSpecifier.value : 0];
}
