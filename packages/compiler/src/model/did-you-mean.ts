/** Words to put behind a sentence about a name that nobody has: " Did you mean bakery.orders?"; "" when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  let nearest: string | undefined;
  // A third of its letters may be wrong: anything farther is a guess.
  let fewest = Math.floor(name.length / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate, fewest);
    if (distance >= fewest) continue;
    fewest = distance;
    nearest = candidate;
  }
  return nearest === undefined ? '' : ` Did you mean ${nearest}?`;
}

/** A sentence without its period, about a name that nobody has: with what may have been meant, if something is near. */
export function suggesting(sentence: string, name: string, known: Iterable<string>): string {
  const near = didYouMean(name, known);
  return near === '' ? sentence : `${sentence}.${near}`;
}

/** Letters to add, remove or replace (Levenshtein); `limit` when there are as many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    if (Math.min(...current) >= limit) return limit;
    above = current;
  }
  return above[b.length] ?? 0;
}
