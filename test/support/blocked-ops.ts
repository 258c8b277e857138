/** An operations listener whose event loop stops for a while at SIGUSR2: `node blocked-ops.ts <dead after> <blocked for>`. */
import { createOpsServer } from '../../src/ops/server.ts';

const [deadAfterMs = 0, blockedMs = 0] = process.argv.slice(2).map(Number);
const ops = createOpsServer({
  metrics: { contentType: 'text/plain', render: async () => '' },
  readiness: async () => ({ ready: true, components: { server: 'serving', store: 'ready' } }),
  emit: () => undefined,
  deadAfterMs,
});
const port = await ops.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`port ${port}\n`);
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs);
  process.stdout.write('turns again\n');
});
process.on('SIGTERM', () => process.exit(0));
