import { create } from '@bufbuild/protobuf';
import { ApiVersion, type ConfigSource, ConfigSourceSchema } from '@weft/envoy-api/envoy/config/core/v3/config_source';

/** "Ask the control plane", for whatever a resource refers to. */
export const fromControlPlane: ConfigSource = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: 'ads', value: {} },
  resourceApiVersion: ApiVersion.V3,
});
