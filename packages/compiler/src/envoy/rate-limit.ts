import { create } from '@bufbuild/protobuf';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type RateLimit as RateLimitActions,
  RateLimitSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { LocalRateLimitSchema } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import { FractionalPercent_DenominatorType as Denominator } from '@weft/envoy-api/envoy/type/v3/percent';
import type { LogicalName, Mesh, SpiffeId } from '../model/mesh.ts';
import type { Method, RateLimit } from '../model/method.ts';
import { typedConfig } from './typed-config.ts';

// The caller is told by the URI in x-forwarded-client-cert, which the listener sets from the verified certificate.
const clientCertHeader = 'x-forwarded-client-cert';
const always = { defaultValue: { numerator: 100, denominator: Denominator.HUNDRED } };

/** The limits of a method: the filter's buckets, and the actions that tell callers apart. Undefined: no limits. */
export function rateLimits(
  method: Method,
  mesh: Pick<Mesh, 'identities' | 'sharedIdentities'>,
): { filter: Any; actions: RateLimitActions[] } | undefined {
  const single = [...method.callers].flatMap((caller) => {
    const limit = limitOf(caller, method.rateLimits);
    const identities = mesh.identities.get(caller);
    return limit && identities ? { caller, limit, identities } : [];
  });
  // Accounts that the same names share have one bucket: Envoy refuses two of one name.
  const accounts = Map.groupBy(mesh.sharedIdentities, ([, names]) => names.join(' and '));
  const shared = [...accounts].flatMap(([caller, sharing]) => {
    const names = sharing[0]?.[1] ?? [];
    const limit = names.every((name) => method.callers.has(name)) ? strictest(names, method.rateLimits) : undefined;
    return limit ? { caller, limit, identities: sharing.map(([identity]) => identity) } : [];
  });
  const buckets = [...single, ...shared];
  if (buckets.length === 0) return undefined;
  return {
    actions: buckets.map(({ caller, identities }) => callerAction(caller, identities)),
    filter: typedConfig(LocalRateLimitSchema, {
      statPrefix: 'rate_limit',
      filterEnabled: { ...always, runtimeKey: 'weft.rate_limit.enabled' },
      filterEnforced: { ...always, runtimeKey: 'weft.rate_limit.enforced' },
      rateLimitedAsResourceExhausted: true,
      // Callers without a limit: the default bucket must be there, and never run dry.
      tokenBucket: { maxTokens: 0xffff_ffff, tokensPerFill: 0xffff_ffff, fillInterval: durationFromMs(1000) },
      alwaysConsumeDefaultTokenBucket: false,
      descriptors: buckets.map(({ caller, limit }) => ({
        entries: [{ key: 'header_match', value: caller }],
        tokenBucket: {
          maxTokens: limit.requests,
          tokensPerFill: limit.requests,
          fillInterval: durationFromMs(limit.perMs),
        },
      })),
    }),
  };
}

function limitOf(caller: LogicalName, limits: readonly RateLimit[]): RateLimit | undefined {
  return limits.find((limit) => limit.caller === caller) ?? limits.find((limit) => limit.caller === '*');
}

/** Of several limits that could be meant, the one that lets the fewest through. */
function strictest(names: readonly LogicalName[], limits: readonly RateLimit[]): RateLimit | undefined {
  const rate = ({ requests, perMs }: RateLimit) => requests / perMs;
  return names.flatMap((name) => limitOf(name, limits) ?? []).sort((a, b) => rate(a) - rate(b))[0];
}

function callerAction(caller: string, identities: readonly SpiffeId[]): RateLimitActions {
  const uris = identities.map((identity) => identity.replace(/[.\\+*?()[\]{}|^$]/g, '\\$&'));
  return create(RateLimitSchema, {
    actions: [
      {
        actionSpecifier: {
          case: 'headerValueMatch',
          value: {
            descriptorValue: caller,
            headers: [
              {
                name: clientCertHeader,
                headerMatchSpecifier: {
                  case: 'stringMatch',
                  value: {
                    matchPattern: { case: 'safeRegex', value: { regex: `(.*;)?URI=(${uris.join('|')})(;.*)?` } },
                  },
                },
              },
            ],
          },
        },
      },
    ],
  });
}
