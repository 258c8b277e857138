/** What tests read out of the documentation: fenced blocks, tables, links and headings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of the repository, by its path in it. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export interface Fence {
  /** `sh`, `json`, … */
  readonly language: string;
  readonly body: string;
}

const FENCE = /^```([\w-]*)\n([\s\S]*?)^```$/gm;

export function fencesOf(text: string): Fence[] {
  return [...text.matchAll(FENCE)].map(([, language = '', body = '']) => ({ language, body }));
}

export function shellBlocksOf(text: string): string[] {
  return fencesOf(text).flatMap(({ language, body }) => (language === 'sh' ? [body] : []));
}

/**
 * The one shell block under `heading` of `page` that contains `words`; throws unless there is exactly one.
 * For tests that run the block: commands.test.ts finds the calls in their source, so the arguments must be literals.
 */
export function shellBlock(page: string, heading: string, words: string): string {
  const [block, ...others] = shellBlocksOf(sectionOf(read(page), heading)).filter((body) => body.includes(words));
  if (block === undefined || others.length > 0) throw new Error(`not one block of ${page} ${heading} has ${words}`);
  return block;
}

/** What stands under a heading (`## Errors`), up to the next one of its level or above. Throws when there is none. */
export function sectionOf(text: string, heading: string): string {
  const level = heading.indexOf(' ');
  const headings = headingsOf(text);
  const index = headings.findIndex(({ line }) => line === heading);
  const start = headings[index];
  if (start === undefined) throw new Error(`no heading: ${heading}`);
  const next = headings.slice(index + 1).find(({ line }) => line.indexOf(' ') <= level);
  return text.slice(start.at + heading.length, next?.at);
}

/** What stands between `<!-- name:begin -->` and `<!-- name:end -->`. Throws when the markers are missing. */
export function markedPart(text: string, name: string): string {
  const [, part] = new RegExp(`<!-- ${name}:begin -->\n([\\s\\S]*?)<!-- ${name}:end -->`).exec(text) ?? [];
  if (part === undefined) throw new Error(`no part is marked ${name}`);
  return part;
}

/** The cells of the rows of a text's first table, without its head. */
export function tableOf(text: string): string[][] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rows = lines.slice(first + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end === -1 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

/** The words of a cell that are set as code. */
export function codeWords(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word);
}

/** Targets of links, in text only. */
export function linksOf(text: string): string[] {
  const prose = text.replace(FENCE, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** What a link's `#…` may name, as GitHub spells it. */
export function anchorsOf(text: string): Set<string> {
  return new Set(
    headingsOf(text).map(({ line }) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Comments of shell blocks look like headings and are none. */
function headingsOf(text: string): { line: string; at: number }[] {
  const blanked = text.replace(FENCE, (fence) => fence.replace(/[^\n]/g, ' '));
  return [...blanked.matchAll(/^#{1,6} .*$/gm)].map(({ 0: line, index }) => ({ line, at: index }));
}
