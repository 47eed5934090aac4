import { Graph } from '@weft/collections';
import { factSources } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';
import type { Mesh } from '../model/mesh.ts';
import { clockKey } from './policies.ts';
import { translate } from './translate.ts';

/** The mesh of these facts at one moment: for a diff, an answer about the past, a test. `nowMs`: see `translate`. Default: 0. */
export function assemble(facts: Facts, nowMs = 0): Mesh {
  const graph = new Graph();
  const sources = factSources(graph);
  const clock = graph.source<number>('clock');
  const { mesh } = translate(graph, sources.facts, clock);
  graph.turn(() => {
    sources.replace(facts);
    clock.set(clockKey, nowMs);
  });
  return mesh;
}
