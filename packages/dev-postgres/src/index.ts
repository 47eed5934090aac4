export { DevPostgresError } from './dev-postgres-error.ts';
export type { Provisioned, ProvisionOptions } from './provision.ts';
export { runningServer, stopRunningServer } from './running-server.ts';
export { type DevPostgres, type StartPostgresOptions, startPostgres } from './start-postgres.ts';
