import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthorityPem } from './root-authority.ts';

/**
 * Reads an authority that comes from outside, by the names that cert-manager gives: tls.key, tls.crt (the certificate of that key,
 * then those between it and the root) and ca.crt (the roots). Rejects when one is missing.
 */
export async function readExternalRoot(directory: string): Promise<AuthorityPem> {
  const [key, chain, roots] = await Promise.all(
    ['tls.key', 'tls.crt', 'ca.crt'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  return { key: key ?? '', chain: chain ?? '', roots: roots ?? '' };
}
