/**
 * Clients in other languages: generated from this repository as its documentation says, compiled, and calling a real
 * service. A language whose tools are missing, or whose packages cannot be fetched, is skipped; the output says so.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { fencesOf, ROOT, read, sectionOf } from '../support/markdown.ts';
import { type CountersignServer, startServer } from '../support/server.ts';
import { lackIn, missing, run, type Toolchain } from './toolchains.ts';

const TOKEN = 'token-of-this-suite';

/** What a user of the repository has of it. */
let checkout: string;
let server: CountersignServer;
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'countersign-clients-'));
  for (const path of ['buf.yaml', 'proto', 'third_party', 'examples']) {
    await cp(join(ROOT, path), join(checkout, path), { recursive: true });
  }
  const hash = createHash('sha256').update(TOKEN).digest('hex');
  server = await startServer({ NODE_ENV: 'development', COUNTERSIGN_CALLERS: `{auth: {tokens: [${hash}]}}` });
});
afterAll(async () => {
  await server?.stop();
  await rm(checkout, { recursive: true, force: true });
});

/** The shell blocks under a heading, line by line. */
function linesOf(page: string, heading: string): string[] {
  const blocks = fencesOf(sectionOf(read(page), heading)).filter(({ language }) => language === 'sh');
  return blocks.flatMap(({ body }) => body.trim().split('\n'));
}

/** How the page of examples says to run one: what comes before the call, and the call. */
function exampleOf(language: string): { preparation: string; call: string } {
  const lines = linesOf('examples/README.md', `## ${language}`);
  return { preparation: lines.slice(0, -1).join('\n'), call: [lines[0], lines.at(-1)].join('\n') };
}

function notTested(context: TestContext, reason: string): never {
  process.stderr.write(`clients: NOT TESTED on this machine: ${context.task.name}: ${reason}\n`);
  return context.skip(reason);
}

/** Skips the test where the machine lacks one of them. */
function needs(context: TestContext, ...toolchains: Toolchain[]): void {
  const probe = missing(toolchains);
  if (probe !== undefined) notTested(context, `\`${probe}\` fails`);
}

/** Generates, fetches and compiles. Skips the test where the machine cannot fetch. */
async function prepare(context: TestContext, script: string, env?: Record<string, string>): Promise<void> {
  const { code, output } = await run(script, { cwd: checkout, ...(env && { env }) });
  const lack = code === 0 ? undefined : lackIn(output);
  if (lack !== undefined) notTested(context, lack);
  expect({ code, output }).toMatchObject({ code: 0 });
}

/** The user signs in with the code of the SMS, and then asks for another one too early. */
async function expectSignIn(call: string, phone: string, env?: Record<string, string>): Promise<void> {
  const script = call.replace(/\+\d+$/, phone);
  const calling = { cwd: checkout, env: { COUNTERSIGN_ADDRESS: server.grpc, COUNTERSIGN_TOKEN: TOKEN, ...env } };
  const sms = server.process.printed(new RegExp(`SMS to \\${phone}: .*?(\\d{6})`), 300_000);
  const typed = sms.then(
    ([, code]) => `${code}\n`,
    () => 'no SMS came\n',
  );
  expect(await run(script, { ...calling, input: typed })).toMatchObject({
    code: 0,
    output: expect.stringContaining('signed in'),
  });
  const { output } = await run(script, calling);
  expect(output).toMatch(/refused: COOLDOWN, wait ([1-5]?\d|60) s/);
}

/** Each test has a phone of its own: a phone that was just sent to is refused. */
const EXAMPLES: readonly [Toolchain, string][] = [
  ['TypeScript', '+14155550121'],
  ['Go', '+14155550122'],
  ['Python', '+14155550123'],
  ['Java', '+14155550124'],
];

test.for(EXAMPLES)(
  '%s: the example compiles, signs in, and reads why it is refused',
  async ([language, phone], context) => {
    needs(context, language);
    const { preparation, call } = exampleOf(language);
    await prepare(context, preparation);
    await expectSignIn(call, phone);
  },
);

test('Go: what plain protoc makes, as the documentation shows it, is the same package', async (context) => {
  needs(context, 'Go', 'protoc');
  const bin = join(checkout, 'bin');
  await prepare(context, 'cd examples/go\ngo install tool', { GOBIN: bin });
  const [protoc = ''] = linesOf('docs/clients.md', '## Generated clients');
  expect(protoc).toMatch(/^protoc -I proto --go_out=/);
  await prepare(context, `PATH=${bin}:$PATH\n${protoc}`);
  await rm(join(checkout, 'examples/go/gen'), { recursive: true, force: true });
  await mkdir(join(checkout, 'examples/go/gen'));
  await rename(join(checkout, 'countersign'), join(checkout, 'examples/go/gen/countersign'));
  await expectSignIn(exampleOf('Go').call, '+14155550125');
});

test('Python: so is what the documentation shows', async (context) => {
  needs(context, 'Python');
  const [, generate = ''] = linesOf('docs/clients.md', '## Generated clients');
  expect(generate).toMatch(/^python3 -m grpc_tools.protoc -I proto /);
  const [folder, venv, install] = exampleOf('Python').preparation.split('\n');
  await prepare(
    context,
    [folder, venv, install, 'cd ../..', `PATH=$PWD/examples/python/.venv/bin:$PATH`, generate].join('\n'),
  );
  await expectSignIn(exampleOf('Python').call, '+14155550126', { PYTHONPATH: checkout });
});

describe('google.rpc is registered once', () => {
  test('because generating from the repository makes the contract and nothing else', async () => {
    const template = '{version: v2, plugins: [{local: protoc-gen-es, out: everything}]}';
    expect(await run(`buf generate . --template '${template}'`, { cwd: checkout })).toMatchObject({ code: 0 });
    expect(await readdir(join(checkout, 'everything'))).toEqual(['countersign']);
  });

  test('and the control: a Go program that has it twice does not even start', async (context) => {
    needs(context, 'Go');
    const folder = join(checkout, 'examples/go');
    const template = await readFile(join(folder, 'buf.gen.yaml'), 'utf8');
    await writeFile(join(folder, 'twice.gen.yaml'), `${template}  - directory: ../../third_party/googleapis\n`);
    const twice = 'package main\n\nimport _ "example.com/auth/gen/google/rpc"\n';
    await writeFile(join(folder, 'twice.go'), twice);
    await prepare(context, 'cd examples/go\nbuf generate --template twice.gen.yaml\ngo build -o twice .');
    const { code, output } = await run('examples/go/twice +14155550127', { cwd: checkout });
    expect(code).not.toBe(0);
    expect(output).toMatch(/"google\/rpc\/\w+\.proto" is already registered/);
  });
});
