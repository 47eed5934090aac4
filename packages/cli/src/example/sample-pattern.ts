/**
 * A text that fully matches a regular expression in RE2 syntax. It takes the first alternative of every choice and the fewest repetitions
 * that produce some text. Undefined if the expression uses more than literals, classes, groups and repetitions.
 */
export function samplePattern(pattern: string): string | undefined {
  try {
    const sampler = new Sampler(pattern);
    const text = sampler.alternatives();
    return sampler.atEnd && new RegExp(pattern, 'u').test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A character in each class. */
const classes: ReadonlyMap<string, string> = new Map([
  ['d', '1'],
  ['w', 'a'],
  ['s', ' '],
  ['D', 'a'],
  ['W', '-'],
  ['S', 'a'],
]);

class Sampler {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get atEnd(): boolean {
    return this.#at >= this.#pattern.length;
  }

  alternatives(): string {
    const first = this.#sequence();
    while (this.#take('|')) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = '';
    while (!this.atEnd && !'|)'.includes(this.#next)) {
      const atom = this.#atom();
      text += atom.repeat(this.#repetitions());
    }
    return text;
  }

  #atom(): string {
    if (this.#take('^') || this.#take('$')) return '';
    if (this.#take('(')) {
      // (?:...) and (?P<name>...): the part after "?" does not match anything itself.
      if (this.#take('?')) this.#skip(/^(:|P?<[A-Za-z]\w*>)/);
      const text = this.alternatives();
      if (!this.#take(')')) throw new Error('a group is not closed');
      return text;
    }
    if (this.#take('[')) return this.#class();
    if (this.#take('.')) return 'a';
    if (this.#take('\\')) return this.#escaped();
    return this.#read();
  }

  #class(): string {
    if (this.#next === '^') throw new Error('negated classes are not supported');
    const first = this.#take('\\') ? this.#escaped() : this.#read();
    while (!this.#take(']')) {
      this.#take('\\');
      this.#read();
    }
    return first;
  }

  #escaped(): string {
    const character = this.#read();
    const sample = classes.get(character);
    if (sample === undefined && /[A-Za-z0-9]/.test(character)) throw new Error(`\\${character} is not supported`);
    return sample ?? character;
  }

  #repetitions(): number {
    const rest = this.#pattern.slice(this.#at);
    const quantifier = /^(\*|\+|\?|\{(\d+)(,\d*)?\})\??/.exec(rest);
    if (!quantifier) return 1;
    this.#at += quantifier[0].length;
    return Math.max(1, Number(quantifier[2] ?? 1));
  }

  get #next(): string {
    return this.#pattern[this.#at] ?? '';
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }

  #read(): string {
    if (this.atEnd) throw new Error('the pattern ends early');
    return this.#pattern[this.#at++] ?? '';
  }

  #skip(pattern: RegExp): void {
    const match = pattern.exec(this.#pattern.slice(this.#at));
    if (!match) throw new Error('this kind of group is not supported');
    this.#at += match[0].length;
  }
}
