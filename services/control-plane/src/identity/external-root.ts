import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultSettings } from '@weft/compiler/facts/default-settings';
import { type Problem, problemWords } from '@weft/compiler/model/problem';
import { type AuthorityPem, firstOf, RootAuthorityError, readAuthority } from './root-authority.ts';

/**
 * Reads an authority that comes from outside, by the names that cert-manager gives: tls.key, tls.crt (the certificate of that key,
 * then those between it and the root) and ca.crt (the roots). Rejects when one is missing, or when they do not fit.
 *
 * Proxies are to trust the certificate of tls.key itself, and not ca.crt: what else was signed under that root, for another cluster or
 * for no mesh at all, is nobody here.
 */
export async function readExternalRoot(directory: string, nowMs: number = Date.now()): Promise<AuthorityPem> {
  const [key = '', chain = '', roots = ''] = await Promise.all(
    ['tls.key', 'tls.crt', 'ca.crt'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  return anchored({ key, chain, roots }, nowMs);
}

/** The same authority as its own anchor. Throws RootAuthorityError when its files do not fit. */
export function anchored(authority: AuthorityPem, nowMs: number = Date.now()): AuthorityPem {
  readAuthority(authority, 'the root from outside', nowMs);
  const own = firstOf(authority.chain);
  return { key: authority.key, chain: own, roots: own };
}

/**
 * Why a mesh with this trust domain may not have a root from outside; undefined: it may. A root from outside often serves several
 * clusters, and those that have the default trust domain would name their workloads alike.
 */
export function trustDomainProblem(trustDomain: string): Problem | undefined {
  if (trustDomain !== defaultSettings.trustDomain) return undefined;
  return {
    resource: 'MeshConfig mesh',
    field: 'spec.trustDomain',
    message: `${trustDomain} is the default trust domain, which a mesh whose root comes from outside may not have`,
    advice: 'a trust domain of its own, such as prod.example.com',
  };
}

/** Throws RootAuthorityError for a mesh that may not have a root from outside. */
export function checkTrustDomain(trustDomain: string): void {
  const problem = trustDomainProblem(trustDomain);
  if (problem === undefined) return;
  throw new RootAuthorityError(`${problem.resource}, ${problem.field}: ${problemWords(problem)}`);
}
