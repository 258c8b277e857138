/** The pages about speed and size are made of figures that runs kept, and of nothing else. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keptFigures } from '../../bench/figures.ts';
import { type Pages, pagesOf } from '../../bench/pages.ts';
import { CALLS, figures, PEER } from './figures.ts';

const pageOf = (name: keyof Pages) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

it.each<keyof Pages>(['benchmarks', 'capacity'])('docs/%s.md is what its figures say', (name) => {
  expect(pageOf(name)).toBe(pagesOf(keptFigures())[name]);
});

it('negative control: a figure that was changed by hand is noticed', () => {
  const first = Object.entries(keptFigures()).map(([name, its]) => ({
    [name]: { ...its, machine: { ...its.machine, cores: 99 } },
  }));
  for (const changed of first) expect(pagesOf({ ...keptFigures(), ...changed })).not.toEqual(pagesOf(keptFigures()));
});

it('all figures give pages without a hole', () => {
  for (const page of Object.values(pagesOf(figures()))) expect(page).not.toMatch(/NaN|undefined|Infinity|not measured/);
});

it('what was not measured is said to be so, and no part is made up for it', () => {
  const { benchmarks, capacity } = pagesOf({});
  expect(benchmarks).not.toMatch(/^## /m);
  expect(capacity.match(/not measured/g)).toHaveLength(4);
});

it('without otpgateway its ratios are not measured, and the others are', () => {
  const own = Object.entries(PEER.costs).filter(([key]) => !key.startsWith('otpgateway'));
  const { benchmarks } = pagesOf({ peer: { ...PEER, costs: Object.fromEntries(own) } });
  expect(benchmarks.match(/\| not measured \|/g)).toHaveLength(5);
  expect(benchmarks).toMatch(/empty handler of grpc-js, to CheckCode \| 0\.50 \| at least 0\.38/);
});

it('a ratio that is not what it must be stands out', () => {
  const { benchmarks } = pagesOf({ peer: PEER });
  expect(benchmarks).toMatch(/SendCode by webhook: server, to a send \| \*\*2\.00\*\* \| 1\.4 \|/);
  expect(benchmarks).toMatch(/CheckCode without feedback: server, to a check \| 1\.00 \| 1 \|/);
});

it('a row for each kind of call, beside servers that do nothing', () => {
  const { benchmarks } = pagesOf({ calls: CALLS });
  expect(benchmarks).toContain('| gRPC, Tencent: SendCode | 600 µs | 100 µs |');
  expect(benchmarks).toContain('| JSON, console: CheckCode | 200 µs | 50 µs |');
  expect(benchmarks).toContain('costs 0.50 of a CheckCode');
});

it('what scripts and phones cost stands beside what it was', () => {
  const { benchmarks } = pagesOf(figures());
  expect(benchmarks).toContain('| send, fresh | 100.0 | 50.0 | 0.50 |');
  expect(benchmarks).toContain('| approved, after a day | 250 |');
});
