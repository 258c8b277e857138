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

The service has one core, load and Redis the other; the peak is the best of 0.5x, 1x and the capacity, which is measured once before: where the
machine changes its speed in the minutes after, shares of it go beyond 100 %.

A refusal is not free, so not all of the peak can be left. Where it costs the share r of a call, of n times the capacity at most
(1 - n r) / (1 - r) of the peak is answered. Over gRPC r is 0.15 to 0.2 (a refusal is about half of grpc-js's empty handler): 75 to 82 % at
twice, 47 to 65 % at three times the capacity. Over HTTP/1.1 r is 0.3 (Node parses and answers a whole request): 57 % at twice. And there the
calls queue at home, for a connection: those that are answered have waited until 100 ms before their deadline, which is in their p99.
`;
}
