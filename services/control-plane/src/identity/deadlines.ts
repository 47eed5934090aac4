/** Ids by the moment at which each is due: a binary heap in which an id can be moved and taken out. */
export class Deadlines<Id> {
  readonly #heap: { readonly id: Id; atMs: number }[] = [];
  readonly #places = new Map<Id, number>();

  get size(): number {
    return this.#heap.length;
  }

  /** The first moment at which one is due; undefined: there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  /** When an id is due; undefined: never. */
  get(id: Id): number | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#heap[place]?.atMs;
  }

  /** Makes an id due at a moment, in place of the one before. */
  set(id: Id, atMs: number): void {
    this.delete(id);
    this.#heap.push({ id, atMs });
    this.#places.set(id, this.#heap.length - 1);
    this.#rise(this.#heap.length - 1);
  }

  delete(id: Id): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    const last = this.#heap.length - 1;
    this.#swap(place, last);
    this.#heap.pop();
    this.#places.delete(id);
    if (place === last) return;
    this.#rise(place);
    this.#sink(place);
  }

  /** Takes out all that are due at a moment, the first due first. */
  takeDue(nowMs: number): Id[] {
    const due: Id[] = [];
    for (let [first] = this.#heap; first !== undefined && first.atMs <= nowMs; [first] = this.#heap) {
      this.delete(first.id);
      due.push(first.id);
    }
    return due;
  }

  #rise(place: number): void {
    for (let at = place; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#atMs(parent) <= this.#atMs(at)) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  #sink(place: number): void {
    for (let at = place; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#atMs(right) < this.#atMs(left) ? right : left;
      if (this.#atMs(child) >= this.#atMs(at)) return;
      this.#swap(child, at);
      at = child;
    }
  }

  #atMs(place: number): number {
    return this.#heap[place]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
    this.#places.set(second.id, a);
    this.#places.set(first.id, b);
  }
}
