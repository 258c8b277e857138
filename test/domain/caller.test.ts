import { expect, it } from 'vitest';
import { ANONYMOUS } from '../../src/domain/caller.ts';

it('the caller of a development server has a name for the log, and may use every purpose', () => {
  expect(ANONYMOUS).toEqual({ name: 'anonymous', purposes: 'all' });
});
