/** The sentences of the documentation that promise or admit something, and the titles of tests, out of their sources. */

/** Sentence by sentence. The bold label of a bullet belongs to the sentence after it; links are their text. */
export function linesOf(markdown: string): string[] {
  return markdown
    .split(/\n(?=\* )|\n\n/)
    .map((block) => block.replace(/^\* /, '').replace(/\s+/g, ' ').trim())
    .flatMap((block) =>
      block
        .replace(/^\*\*(.*?)\*\* /, (_, label: string) => `${label}${GLUE}`)
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .split(/(?<=\.\)?) (?=[A-Z`(])/)
        .map((sentence) => sentence.replace(GLUE, ' ')),
    )
    .filter((sentence) => sentence !== '');
}

const GLUE = '\u0000';

/**
 * The titles that `it`, `test`, `describe` and their `each` and `for` are given, as written in the source, with `…` for
 * `${…}`; and those that a table of stories has under `line`. Comments have none.
 */
export function titlesIn(source: string): Set<string> {
  const text = String.raw`(['"\`])((?:\\.|(?!\1)[^\\])*)\1\s*,`;
  const call = String.raw`(?:\b(?:it|test|describe)(?:\.concurrent)?|[\w)\]]\))\(\s*`;
  const code = source.replace(/^\s*(?:\/\/.*|\/\*[\s\S]*?\*\/)$/gm, '');
  const found = [`${call}${text}`, String.raw`\bline:\s*${text}`].flatMap((title) => [
    ...code.matchAll(new RegExp(title, 'g')),
  ]);
  return new Set(found.map(([, , title = '']) => title.replace(/\\(['"`])/g, '$1').replace(/\$\{[^}]*\}/g, '…')));
}

/** Tests that do not run, or keep others from running, prove nothing. */
export function isIdle(source: string): boolean {
  return /\b(?:it|test|describe)(?:\.concurrent)?\.(?:skip|todo|only|fails)\b/.test(source);
}
