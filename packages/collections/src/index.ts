export type { Index } from './bucket-index.ts';
export type { Change, Collection } from './collection.ts';
export type { DeriveOptions } from './derived.ts';
export type { Failure } from './failure.ts';
export { Graph, type Turn } from './graph.ts';
export type { Read } from './read.ts';
export { sameValue } from './same-value.ts';
export type { Source } from './source.ts';
