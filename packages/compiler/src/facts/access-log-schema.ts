import { z } from 'zod';
import { accessLogLevels } from '../model/access-log.ts';

/** A level of the access log, wherever it is written. */
export const accessLogSchema = z.enum(accessLogLevels, 'all, sampled, errors or off');
