/** What a command printed, as a part of the page. */
import type { Run } from './figures.ts';
import { machineLine } from './page.ts';

export interface PrintedFigures extends Run {
  readonly lines: readonly string[];
}

export function overloadPart({ machine, lines }: PrintedFigures): string {
  return part('Above capacity', 'bench:overload', { machine, lines });
}

export function scriptsPart({ machine, lines }: PrintedFigures): string {
  return part('What a script costs Redis', 'bench:scripts', { machine, lines });
}

function part(title: string, command: string, { machine, lines }: PrintedFigures): string {
  // A table is one on the page, too.
  const isTable = lines[0]?.startsWith('|') === true;
  const text = isTable ? lines.join('\n') : ['```text', ...lines, '```'].join('\n');
  return `## ${title}

By \`npm run ${command}\`. ${machineLine(machine)}.

${text}
`;
}
