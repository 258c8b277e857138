import { describe } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { callersContract } from './contract-callers.ts';
import { checkContract } from './contract-check.ts';
import { clockContract } from './contract-clock.ts';
import { linkContract } from './contract-links.ts';
import { recordContract } from './contract-records.ts';
import { reportContract } from './contract-reports.ts';
import { requestContract } from './contract-requests.ts';
import { sendContract } from './contract-send.ts';
import { settleContract } from './contract-settle.ts';
import { takeContract } from './contract-takes.ts';
import { testNumberContract } from './contract-test-numbers.ts';
import { createWorld } from './contract-world.ts';

/** What every store promises. `create` makes one whose clock is the given function. */
export function storeContract(create: (now: () => number) => Promise<Store>): void {
  const world = createWorld(create);
  sendContract(world);
  checkContract(world);
  describe('callers', () => callersContract(world));
  describe('a clock', () => clockContract(world));
  describe('settle', () => settleContract(world));
  describe('report', () => reportContract(world));
  describe('request ids', () => requestContract(world));
  recordContract(world);
  describe('link and lookup', () => linkContract(world));
  describe('take and give', () => takeContract(world));
  describe('test numbers', () => testNumberContract(world));
}
