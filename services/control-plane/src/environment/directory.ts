import { join } from 'node:path';
import { LocalTokens } from '../identity/local-tokens.ts';
import { RootDirectory } from '../identity/root-directory.ts';
import { type DirectorySource, directorySource } from '../sources/directory.ts';
import { LastGoodStore } from '../sources/last-good-store.ts';
import type { Environment } from './environment.ts';

/** Where the parts of a local mesh are. */
export interface DirectoryEnvironmentOptions {
  readonly meshDirectory: string;
  readonly stateDirectory: string;
  readonly tokensDirectory: string;
}

/** A mesh of local processes: a directory of manifests, tokens in files, one control plane. */
export function directoryEnvironment(options: DirectoryEnvironmentOptions): Environment {
  const { meshDirectory, stateDirectory, tokensDirectory } = options;
  let source: DirectorySource | undefined;
  let tokens: LocalTokens | undefined;
  return {
    rootStore: new RootDirectory(join(stateDirectory, 'root')),
    handoverMs: 0,
    decides: () => true,
    othersWaiting: async () => [],
    otherReplicas: async () => [],
    facts(graph) {
      const store = new LastGoodStore(join(stateDirectory, 'last-good'));
      source = directorySource(graph, { directory: meshDirectory, store });
      return source.facts;
    },
    async open({ turn, drop }) {
      tokens = new LocalTokens({ directory: tokensDirectory, onRevoked: drop });
      await tokens.open();
      await source?.open(turn);
    },
    authenticate: async (headers) =>
      (await tokens?.authenticate(headers)) ?? { ok: false, message: 'no token is known yet' },
    rootsChanged() {},
    async serving() {},
    report() {},
    async leave() {},
    async close() {
      tokens?.close();
      await source?.close();
    },
  };
}
