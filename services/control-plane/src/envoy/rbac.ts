import type { Any } from '@bufbuild/protobuf/wkt';
import { RBACPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import type { SpiffeId } from '../model/mesh.ts';
import { typedConfig } from './typed-config.ts';

/** Admits these identities on a route and nobody else; none: nobody. */
export function admit(identities: readonly SpiffeId[]): Any {
  return typedConfig(RBACPerRouteSchema, {
    rbac: {
      rules: {
        policies:
          identities.length === 0
            ? {}
            : {
                callers: {
                  permissions: [{ rule: { case: 'any', value: true } }],
                  principals: identities.map((identity) => ({
                    identifier: {
                      case: 'authenticated' as const,
                      value: { principalName: { matchPattern: { case: 'exact' as const, value: identity } } },
                    },
                  })),
                },
              },
      },
    },
  });
}
