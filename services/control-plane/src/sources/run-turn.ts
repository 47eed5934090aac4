import type { Turn } from '@weft/collections';

/** Runs a turn of the graph, in which a source sets what has changed. */
export type RunTurn = (change: () => void) => Turn;
