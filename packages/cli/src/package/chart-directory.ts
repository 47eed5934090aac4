import { join } from 'node:path';

/** The chart that installs one service (charts/service). The CLI's package includes it. */
export const chartDirectory = join(import.meta.dirname, '../../chart');
