import { describe, expect, it } from 'vitest';
import { type BreakerSettings, createBreaker, type Health } from '../../src/sms/breaker.ts';

const SETTINGS: BreakerSettings = { failures: 3, openMs: 10_000, maxOpenMs: 30_000 };

/** A breaker on a clock that the test moves. */
function breaker(settings: Partial<BreakerSettings> = {}) {
  const states: string[] = [];
  let now = 0;
  const { waitMs, begin } = createBreaker(
    { ...SETTINGS, ...settings },
    () => now,
    (state) => states.push(state),
  );
  const admitted = () => {
    if (waitMs() > 0) throw new Error(`it was not admitted: ${waitMs()} ms`);
    return begin();
  };
  return {
    states,
    waitMs,
    admitted,
    /** Calls one after the other, each with its outcome. */
    calls: (...outcomes: Health[]) => {
      for (const health of outcomes) admitted()(health);
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('a closed breaker', () => {
  it('admits calls at the same time, and opens with the last failure that it takes', () => {
    const { admitted, states } = breaker();
    const running = [admitted(), admitted(), admitted()];
    running[0]?.('failed');
    running[1]?.('failed');
    expect(states).toEqual([]);
    running[2]?.('failed');
    expect(states).toEqual(['open']);
  });

  it.each<[outcomes: Health[], states: string[]]>([
    [['failed', 'failed', 'failed'], ['open']],
    [['failed', 'failed', 'neutral', 'failed'], ['open']],
    [['failed', 'failed', 'up', 'failed', 'failed'], []],
    [['failed', 'neutral', 'neutral', 'failed'], []],
    [['down'], ['open']],
    [['neutral', 'neutral', 'neutral', 'neutral'], []],
    [['up', 'up', 'up', 'up'], []],
  ])('after %j has been through %j', (outcomes, expected) => {
    const { calls, states } = breaker();
    calls(...outcomes);
    expect(states).toEqual(expected);
  });
});

describe('an open breaker', () => {
  it('turns calls away until its first probe is due, and says when that is', () => {
    const { admitted, calls, waitMs, pass, states } = breaker();
    calls('down');
    expect(waitMs()).toBe(10_000);
    pass(9_999);
    expect(waitMs()).toBe(1);
    pass(1);
    expect(waitMs()).toBe(0);
    expect(states).toEqual(['open']);
    admitted();
    expect(states).toEqual(['open', 'half_open']);
  });

  it('hears nothing from calls that it admitted before', () => {
    const { admitted, calls, waitMs, pass, states } = breaker();
    const [good, bad] = [admitted(), admitted()];
    calls('down');
    good('up');
    bad('down');
    pass(9_999);
    expect(waitMs()).toBe(1);
    expect(states).toEqual(['open']);
  });
});

describe('a half-open breaker', () => {
  function probing() {
    const staged = breaker();
    staged.calls('down');
    staged.pass(10_000);
    return { ...staged, done: staged.admitted() };
  }

  it('admits one call at a time, and turns the others away for the first pause', () => {
    const { waitMs } = probing();
    expect(waitMs()).toBe(10_000);
    expect(waitMs()).toBe(10_000);
  });

  it('closes with one success, and admits everyone again', () => {
    const { done, admitted, states } = probing();
    done('up');
    expect(states).toEqual(['open', 'half_open', 'closed']);
    admitted();
    admitted();
  });

  it('opens again with one failure', () => {
    const { done, waitMs, states } = probing();
    done('failed');
    expect(states).toEqual(['open', 'half_open', 'open']);
    expect(waitMs()).toBe(20_000);
  });

  it('goes on with the next call when one told nothing', () => {
    const { done, admitted, waitMs, states } = probing();
    done('neutral');
    admitted();
    expect(waitMs()).toBeGreaterThan(0);
    expect(states).toEqual(['open', 'half_open']);
  });

  it('counts failures from nothing after it closed', () => {
    const { done, calls, states } = probing();
    done('up');
    calls('failed', 'failed');
    expect(states.at(-1)).toBe('closed');
    calls('failed');
    expect(states.at(-1)).toBe('open');
  });

  it('hears nothing from a call of before that ends while it probes', () => {
    const staged = breaker();
    const [good, bad] = [staged.admitted(), staged.admitted()];
    staged.calls('down');
    staged.pass(10_000);
    staged.admitted();
    bad('failed');
    good('up');
    expect(staged.states).toEqual(['open', 'half_open']);
    expect(staged.waitMs()).toBeGreaterThan(0);
  });
});

describe('the pause before a probe', () => {
  it('doubles with every probe that fails, to its limit, and starts over after a success', () => {
    const { calls, waitMs, pass } = breaker();
    calls('down');
    for (const pause of [10_000, 20_000, 30_000, 30_000]) {
      expect(waitMs()).toBe(pause);
      pass(pause);
      calls('failed');
    }
    pass(30_000);
    calls('up', 'down');
    expect(waitMs()).toBe(10_000);
  });
});
