export { type AdminConnection, type Provisioned, type ProvisionOptions, provision } from './provision.ts';
