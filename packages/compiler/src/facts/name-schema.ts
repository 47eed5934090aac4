import { z } from 'zod';

/** A DNS label, as Kubernetes names its objects. It also becomes a part of paths and SPIFFE IDs, so nothing else passes. */
export const nameSchema = z
  .string('a name')
  .regex(
    /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  )
  .refine((name) => !name.includes('..'), 'no two dots in a row');
