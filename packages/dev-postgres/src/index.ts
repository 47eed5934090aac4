export type { Provisioned, ProvisionOptions } from '@weft/database-setup';
export { DevPostgresError } from './dev-postgres-error.ts';
export { runningServer, stopRunningServer } from './running-server.ts';
export { type DevPostgres, type StartPostgresOptions, startPostgres } from './start-postgres.ts';
