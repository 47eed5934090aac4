import { join } from 'node:path';

/** The chart that installs one service (charts/service). The package of the command carries it. */
export const chartDirectory = join(import.meta.dirname, '../../chart');
