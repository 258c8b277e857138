/**
 * Each sentence that promises or admits something is proved by tests that promises.ts names. A sentence that is new,
 * changed or gone is noticed, and so is a test that was renamed. The tests themselves run elsewhere.
 */
import { describe, expect, test } from 'vitest';
import { read, sectionOf } from '../support/markdown.ts';
import { isIdle, linesOf, titlesIn } from './promise-lines.ts';
import { PROMISES, type Proof } from './promises.ts';

const PLACES = [
  ['README.md', '## Security in short'],
  ['docs/security.md', '## What it promises'],
  ['docs/security.md', '## What it leaves to you'],
  ['docs/operations.md', '## What a failover does'],
] as const;

const linesAt = (page: string, heading: string) => linesOf(sectionOf(read(page), heading));
const ALL = PLACES.flatMap(([page, heading]) => linesAt(page, heading));

/** What a line lacks: an entry, or a test that its entry names. */
function lacking(line: string, promises = PROMISES, source = (file: string) => read(`test/${file}`)): string[] {
  const proofs = promises[line];
  if (proofs === undefined) return ['no test is named for it'];
  if ('noPromise' in proofs) return [];
  const missing = ([file, ...titles]: Proof): string[] => {
    const text = source(file);
    const known = titlesIn(text);
    const gone = titles.filter((title) => !known.has(title)).map((title) => `${file} has no test: ${title}`);
    return isIdle(text) ? [...gone, `${file} skips tests`] : gone;
  };
  return proofs.length === 0 ? ['no test is named for it'] : proofs.flatMap(missing);
}

describe.each(PLACES)('%s, %s', (page, heading) => {
  test.each(linesAt(page, heading))('%s', (line) => {
    expect(lacking(line)).toEqual([]);
  });
});

test('no test is named for a sentence that is not there', () => {
  expect(Object.keys(PROMISES).filter((line) => !ALL.includes(line))).toEqual([]);
});

test('the tests that are named are in files that a suite runs', () => {
  const files = Object.values(PROMISES).flatMap((proofs) =>
    'noPromise' in proofs ? [] : proofs.map(([file]) => file),
  );
  // The contract's parts are run by memory.test.ts and redis.test.ts.
  expect(files.filter((file) => !/\.test\.ts$|^store\/contract-[\w-]+\.ts$/.test(file))).toEqual([]);
});

test('at most five sentences are no promise, of more than fifty', () => {
  const others = ALL.filter((line) => 'noPromise' in (PROMISES[line] ?? {}));
  expect(others.length).toBeLessThanOrEqual(5);
  expect(ALL.length).toBeGreaterThan(50);
});

describe('negative control', () => {
  const page = sectionOf(read('README.md'), '## Security in short');

  test.each([
    ['is new', `${page}* Nobody can guess at all.\n`, 'Nobody can guess at all.'],
    ['promises more', page.replace('20 wrong ones', '10 wrong ones'), /10 wrong ones/],
    ['promises without its condition', page.replace(/, short of\s+\[[^\]]*\]\([^)]*\)/, ''), /codes are sent\.$/],
  ])('a sentence that %s is found', (_, changed, line) => {
    const [found, ...others] = linesOf(changed).filter((each) => lacking(each).length > 0);
    expect(found).toMatch(line);
    expect(others).toEqual([]);
  });

  const LINE = 'A code is accepted at most once, whatever races, retries, lost answers or Redis failovers do.';
  const FILE = 'chaos/fence.test.ts';
  const changed = (change: (source: string) => string) =>
    lacking(LINE, PROMISES, (file) => (file === FILE ? change(read(`test/${file}`)) : read(`test/${file}`)));

  test('a test that was renamed is found', () => {
    const renamed = changed((source) => source.replace("'approve each code once'", "'approve most codes once'"));
    expect(renamed).toEqual([`${FILE} has no test: approve each code once`]);
  });

  test('so is one that is a comment, and one that is skipped', () => {
    const remark = changed((source) =>
      source.replace("  it('approve each code once'", "  // it('approve each code once'"),
    );
    expect(remark).toEqual([`${FILE} has no test: approve each code once`]);
    const skipped = changed((source) => source.replace("it('approve each", "it.skip('approve each"));
    expect(skipped).toContain(`${FILE} skips tests`);
  });

  test('titles are read in every form that they are written in', () => {
    const source = [
      "it('one', async () => {});",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source
      'test.each(rows)(`two of ${n}`, () => {});',
      "it.each([\n  'a',\n])('three: %s', async () => {});",
      "describe.concurrent.each(ROWS)('four', () => {});",
      "it('don\\'t', { concurrent: true }, () => {});",
      "it.for<Protocol>(['grpc'])(\n  'five',\n  async () => {},\n);",
      "{ line: 'six', begin }",
      "expect('seven', () => {});",
    ].join('\n');
    expect([...titlesIn(source)]).toEqual(['one', 'two of …', 'three: %s', 'four', "don't", 'five', 'six']);
  });
});
