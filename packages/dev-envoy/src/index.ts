export { type AdminRequest, requestAdmin } from './admin.ts';
export { EnvoyNotFoundError } from './errors.ts';
export { type EnvoyBinary, type FindEnvoyOptions, findEnvoy } from './find-envoy.ts';
export { type RunningEnvoy, type StartEnvoyOptions, startEnvoy } from './start-envoy.ts';
export { envoyVersion } from './wheels.ts';
