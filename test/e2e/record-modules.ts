/** Loaded before the service by `node --import`: at the end writes the files of all modules, one a line, where MODULES says. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const files = new Set<string>();

// Sees what is imported and what is required alike.
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith('file:')) files.add(new URL(url).pathname);
    return nextLoad(url, context);
  },
});

process.on('exit', () => writeFileSync(String(process.env.MODULES), [...files].join('\n')));
