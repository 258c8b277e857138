/** Fails, with the difference, unless src/gen is exactly what `buf generate` makes of the protos. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

const fresh = mkdtempSync(join(tmpdir(), 'countersign-gen-'));
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }));

const generated = await run(['buf', 'generate', '--output', fresh]);
const difference = generated.code === 0 ? await run(['diff', '-ru', 'src/gen', join(fresh, 'src/gen')]) : generated;
process.stdout.write(difference.code === 0 ? 'src/gen is what the protos say\n' : difference.output);
process.exitCode = difference.code === 0 ? 0 : 1;
