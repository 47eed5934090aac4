import type { Any } from '@bufbuild/protobuf/wkt';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { HTTPFaultSchema } from '@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault';
import { FractionalPercent_DenominatorType as Denominator } from '@weft/envoy-api/envoy/type/v3/percent';
import type { Fault } from '../model/method.ts';
import { grpcStatusOf } from './outcome.ts';
import { typedConfig } from './typed-config.ts';

/** A call asks for a fault of its method by this header; callers outside of the mesh cannot, since the edge drops it. */
export const faultHeader = 'x-weft-fault';

const always = { numerator: 100, denominator: Denominator.HUNDRED };

/** The filter's settings on the route of those calls that ask for it. */
export function faultFilter({ delayMs, abort }: Fault): Any {
  return typedConfig(HTTPFaultSchema, {
    ...(delayMs === undefined
      ? {}
      : {
          delay: {
            faultDelaySecifier: { case: 'fixedDelay' as const, value: durationFromMs(delayMs) },
            percentage: always,
          },
        }),
    ...(abort === undefined
      ? {}
      : { abort: { errorType: { case: 'grpcStatus' as const, value: grpcStatusOf(abort) }, percentage: always } }),
  });
}
