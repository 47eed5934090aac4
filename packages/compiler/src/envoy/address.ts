import { create } from '@bufbuild/protobuf';
import { type Address, AddressSchema } from '@weft/envoy-api/envoy/config/core/v3/address';
import type { ApplicationAddress } from '../model/workload.ts';

/** A TCP address or a unix socket. */
export function address(target: ApplicationAddress): Address {
  return create(AddressSchema, {
    address:
      'unixSocket' in target
        ? { case: 'pipe', value: { path: target.unixSocket } }
        : {
            case: 'socketAddress',
            value: { address: target.host, portSpecifier: { case: 'portValue', value: target.port } },
          },
  });
}
