/** Changes to a Lua source that a test should notice: one at a time, each small enough to read. */

export interface Mutant {
  readonly line: number;
  readonly change: string;
  /** The whole source with the change in it. */
  readonly text: string;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly instead: string;
  readonly what: 'deleted' | 'changed';
}

/** Some of them may not be Lua any more: let Redis parse them before they are run. */
export function mutantsOf(source: string): Mutant[] {
  const code = withoutComments(source);
  // Same length, so that a place in one is a place in the other.
  const bare = code.replace(STRING, (text) => `'${'_'.repeat(text.length - 2)}'`);
  const edits = [
    ...deletedStatements(bare),
    ...deletedFields(bare),
    ...invertedConditions(code, bare),
    ...swappedWords(bare),
    ...changedNumbers(bare),
    ...changedStrings(code),
  ];
  const texts = new Map<string, Mutant>();
  for (const edit of edits) {
    const text = code.slice(0, edit.from) + edit.instead + code.slice(edit.to);
    texts.set(text, { line: lineAt(code, edit.from), change: shown(code, edit), text });
  }
  return [...texts.values()].sort((a, b) => a.line - b.line);
}

const STRING = /'(?:[^'\\\n]|\\.)*'/g;

function withoutComments(source: string): string {
  return source.replace(/--\[\[[\s\S]*?\]\]|'(?:[^'\\\n]|\\.)*'|--[^\n]*/g, (text) =>
    text.startsWith('--') ? text.replace(/[^\n]/g, ' ') : text,
  );
}

/** Statements of one or several lines, and whole blocks. */
function deletedStatements(bare: string): Edit[] {
  const lines = bare.split('\n');
  const starts = lines.map((_, i) => lines.slice(0, i).join('\n').length + (i > 0 ? 1 : 0));
  const edits: Edit[] = [];
  for (let first = 0; first < lines.length; first++) {
    const word = /^\s*(\w+)/.exec(lines[first] ?? '')?.[1];
    if (word === undefined || ['else', 'elseif', 'end'].includes(word)) continue;
    let last = first;
    while (last < lines.length - 1 && !isWhole(lines.slice(first, last + 1), lines[last + 1] ?? '')) last++;
    const from = starts[first] ?? 0;
    const to = (starts[last] ?? 0) + (lines[last]?.length ?? 0);
    edits.push({ from, to, instead: '', what: 'deleted' });
    for (let i = first + 1; i <= last; i++) {
      if (!/^\s*(?:and|or)\b/.test(lines[i] ?? '')) continue;
      const start = starts[i] ?? 0;
      edits.push({ from: start, to: start + (lines[i]?.length ?? 0), instead: '', what: 'deleted' });
    }
    // What is within a block is looked at, too.
    if (!/^\s*(local function|if|for)\b/.test(lines[first] ?? '')) first = last;
  }
  return edits;
}

/** Whether these lines are a statement, given the line after them. */
function isWhole(lines: readonly string[], next: string): boolean {
  const text = lines.join('\n');
  const count = (pattern: RegExp) => [...text.matchAll(pattern)].length;
  return (
    count(/[({]/g) === count(/[)}]/g) &&
    count(/\b(?:if|do|function)\b/g) === count(/\bend\b/g) &&
    !/^\s*(?:and|or)\b/.test(next) &&
    !/(?:=|\band|\bor|,)\s*$/.test(text)
  );
}

/** `name = value` in a table. */
function deletedFields(bare: string): Edit[] {
  const edits: Edit[] = [];
  for (const { index } of bare.matchAll(/[{,]\s*[a-zA-Z_]\w*\s*=(?!=)/g)) {
    if (braceDepth(bare, index + 1) === 0) continue;
    let depth = 0;
    let to = index + 1;
    for (; to < bare.length; to++) {
      const letter = bare[to] ?? '';
      if ('({'.includes(letter)) depth++;
      if (')}'.includes(letter) && depth-- === 0) break;
      if (letter === ',' && depth === 0) break;
    }
    const from = bare[index] === '{' ? index + 1 : index;
    edits.push({ from, to: bare[index] === '{' && bare[to] === ',' ? to + 1 : to, instead: ' ', what: 'deleted' });
  }
  return edits;
}

function braceDepth(bare: string, end: number): number {
  let depth = 0;
  for (const letter of bare.slice(0, end)) depth += letter === '{' ? 1 : letter === '}' ? -1 : 0;
  return depth;
}

function invertedConditions(code: string, bare: string): Edit[] {
  return [...bare.matchAll(/\b(?:if|elseif)\b([\s\S]*?)\bthen\b/g)].map((match) => {
    const [whole, condition = ''] = match;
    const from = match.index + whole.indexOf(condition);
    const to = from + condition.length;
    return { from, to, instead: ` not (${code.slice(from, to).trim()}) `, what: 'changed' };
  });
}

const SWAPS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '==': '~=',
  '~=': '==',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  and: 'or',
  or: 'and',
  not: '',
  true: 'false',
  false: 'true',
  'math.min': 'math.max',
  'math.max': 'math.min',
};

function swappedWords(bare: string): Edit[] {
  return [...bare.matchAll(/[<>=~]=|[<>*/]|(?<= )[+-](?= )|\bmath\.(?:min|max)\b|\b(?:and|or|not|true|false)\b/g)].map(
    ({ 0: word, index }) => ({ from: index, to: index + word.length, instead: SWAPS[word] ?? '', what: 'changed' }),
  );
}

function changedNumbers(bare: string): Edit[] {
  return [...bare.matchAll(/(?<![\w.])\d+(?![\w.])/g)].map(({ 0: digits, index }) => ({
    from: index,
    to: index + digits.length,
    instead: String(Number(digits) + 1),
    what: 'changed',
  }));
}

/** Every text but the name of a Redis command. */
function changedStrings(code: string): Edit[] {
  return [...code.matchAll(STRING)].flatMap(({ 0: text, index }) => {
    if (code.slice(0, index).endsWith('redis.call(')) return [];
    const end = index + text.length - 1;
    return [{ from: end, to: end, instead: '~', what: 'changed' } as const];
  });
}

function lineAt(code: string, place: number): number {
  const spaces = /^\s*/.exec(code.slice(place))?.[0].length ?? 0;
  return code.slice(0, place + spaces).split('\n').length;
}

function shown(code: string, { from, to, instead, what }: Edit): string {
  const short = (text: string) => text.trim().replace(/\s+/g, ' ');
  if (what === 'deleted') return `deleted: ${short(code.slice(from, to))}`;
  const start = code.lastIndexOf('\n', from - 1) + 1;
  const end = code.indexOf('\n', to) < 0 ? code.length : code.indexOf('\n', to);
  return `changed: ${short(code.slice(start, from) + instead + code.slice(to, end))}`;
}
