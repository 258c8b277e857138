/** What `npm run bench:overload` printed. */
import type { Run } from './figures.ts';
import { machineLine } from './page.ts';

export interface OverloadFigures extends Run {
  readonly lines: readonly string[];
}

export function overloadPart({ machine, lines }: OverloadFigures): string {
  return `## Above capacity

By \`npm run bench:overload\`. ${machineLine(machine)}.

\`\`\`text
${lines.join('\n')}
\`\`\`
`;
}
