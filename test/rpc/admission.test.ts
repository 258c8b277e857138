import { describe, expect, test } from 'vitest';
import type { CallClass, Shed } from '../../src/event.ts';
import { type AdmissionOptions, createAdmission } from '../../src/rpc/admission.ts';

/** An admission whose time is the test's: turns of the event loop end when it says so. */
function stage(ceilings: AdmissionOptions['ceilings'] = { check: 1_024, read: 512, send: 1_024 }) {
  let now = 0;
  let utilization = 0.5;
  const turnEnds: (() => void)[] = [];
  let timers: { readonly at: number; readonly task: () => void }[] = [];
  const refused: { readonly name: string; readonly why: Shed }[] = [];
  const begun: string[] = [];
  const releases = new Map<string, () => void>();
  const admission = createAdmission({
    clock: () => now,
    ceilings,
    utilization: () => utilization,
    afterTurn: (task) => void turnEnds.push(task),
    later: (task, ms) => void timers.push({ at: now + ms, task }),
  });

  /** The time that a turn takes passes while it runs. */
  function endTurn(tookMs = 0): void {
    now += tookMs;
    for (const end of turnEnds.splice(0)) end();
  }

  function pass(ms: number): void {
    const until = now + ms;
    for (;;) {
      const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      timers = timers.filter((timer) => timer !== next);
      now = Math.max(now, next.at);
      next.task();
    }
    now = until;
  }

  return {
    refused,
    begun,
    pass,
    /** From now on the event loop has work for this share of its time. */
    work(share: number) {
      utilization = share;
      return this;
    },
    endTurn,
    call(name: string, callClass: CallClass, about: { expiresInMs?: number; gone?: () => boolean } = {}) {
      const { expiresInMs = 60_000, gone = () => false } = about;
      admission.enter(callClass, {
        expiresAt: now + expiresInMs,
        gone,
        run: (release) => {
          begun.push(name);
          releases.set(name, release);
        },
        refuse: (why) => void refused.push({ name, why }),
      });
    },
    calls(count: number, callClass: CallClass) {
      for (let n = 0; n < count; n++) this.call(`${callClass} ${n}`, callClass);
      return this;
    },
    answer: (name: string) => releases.get(name)?.(),
    answerAll() {
      for (const release of releases.values()) release();
    },
    of: (callClass: CallClass) => admission.state().get(callClass),
    /** Windows in which one call of this class meets a turn of this length, and no call ends. */
    windows(count: number, callClass: CallClass, turnMs: number) {
      for (let n = 0; n < count; n++) {
        this.call(`window ${n}`, callClass);
        endTurn(turnMs);
        pass(100);
      }
    },
  };
}

const limits = (admission: ReturnType<typeof stage>) =>
  Object.fromEntries((['check', 'read', 'send'] as const).map((name) => [name, admission.of(name)?.limit]));

describe('a queue', () => {
  test('holds what finds no place, and begins it in the order in which it came', () => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(10, 'check');
    expect(admission.begun).toHaveLength(8);
    expect(admission.of('check')).toMatchObject({ underWay: 8, waiting: 2 });
    admission.answer('check 3');
    admission.answer('check 0');
    expect(admission.begun.slice(8)).toEqual(['check 8', 'check 9']);
    expect(admission.refused).toEqual([]);
  });

  test('lets a burst wait for 100 ms, and refuses the oldest then, although no call ends', () => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(9, 'check');
    admission.pass(100);
    expect(admission.refused).toEqual([]);
    admission.pass(2);
    expect(admission.refused).toEqual([{ name: 'check 8', why: 'overloaded' }]);
  });

  test('that stands lets nobody wait for longer than 10 ms', () => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(8, 'check');
    for (let n = 0; n < 40; n++) {
      admission.call(`late ${2 * n}`, 'check');
      admission.call(`late ${2 * n + 1}`, 'check');
      admission.pass(10);
      admission.answer(admission.begun[n] ?? '');
    }
    admission.call('one more', 'check');
    const isRefused = () => admission.refused.some(({ name }) => name === 'one more');
    admission.pass(10);
    expect(isRefused()).toBe(false);
    admission.pass(1);
    expect(isRefused()).toBe(true);
  });

  test.each([
    ['its deadline is over', { expiresInMs: 30 }, [{ name: 'late', why: 'deadline' }]],
    ['its caller has gone', { gone: () => true }, []],
  ])('never begins a call when %s', (_, about, refused) => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(8, 'check');
    admission.call('late', 'check', about);
    admission.pass(40);
    admission.answerAll();
    expect(admission.begun).not.toContain('late');
    expect(admission.refused).toEqual(refused);
  });

  test.each([
    ['has work all the time', 0, 100, false],
    ['has work all the time', 0, 101, true],
    ['had so until less than a second ago', 8, 100, false],
    ['had so a second ago', 9, 1, true],
  ])(
    'of an event loop that %s (%i windows in between) begins a call that has %i ms left: %s',
    (_, idle, leftMs, begins) => {
      const admission = stage().work(1);
      admission.windows(2, 'check', 1);
      admission.work(0.5).windows(idle, 'check', 1);
      admission.call('the late one', 'check', { expiresInMs: leftMs });
      expect(admission.begun.includes('the late one')).toBe(begins);
      expect(admission.refused).toEqual(begins ? [] : [{ name: 'the late one', why: 'deadline' }]);
    },
  );

  test('is never longer than 1,024 calls: the oldest goes', () => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(8 + 1_024, 'check');
    expect(admission.refused).toEqual([]);
    admission.call('one more', 'check');
    expect(admission.refused).toEqual([{ name: 'check 8', why: 'overloaded' }]);
  });

  test('counts a call once, however often it is answered', () => {
    const admission = stage({ check: 8, read: 8, send: 8 }).calls(8, 'check');
    admission.answer('check 0');
    admission.answer('check 0');
    expect(admission.of('check')?.underWay).toBe(7);
  });
});

const CEILINGS = { check: 300, read: 300, send: 300 };

/** The limits of all classes are as low as they become. */
function cut() {
  const admission = stage(CEILINGS).work(1);
  for (let n = 0; n < 30; n++) {
    admission.calls(1, 'check').windows(1, 'check', 1);
    admission.answerAll();
  }
  expect(limits(admission)).toEqual({ check: 32, read: 16, send: 16 });
  return admission;
}

describe('the limit of a class', () => {
  test('is its ceiling to begin with: what a slow Redis holds up is not refused while the event loop is on time', () => {
    const admission = stage(CEILINGS).calls(300, 'read');
    admission.windows(20, 'check', 1);
    expect(admission.of('read')).toMatchObject({ underWay: 300, waiting: 0 });
    expect(admission.refused).toEqual([]);
  });

  test('grows up to its ceiling again while calls find no place and the event loop has idle time', () => {
    const admission = cut().work(0.5);
    admission.calls(33, 'check').windows(2, 'check', 1);
    expect(admission.of('check')?.limit).toBeGreaterThan(32);
    for (let n = 0; n < 30; n++) admission.calls(400, 'check').windows(1, 'check', 1);
    expect(admission.of('check')?.limit).toBe(300);
  });

  test('comes back to its ceiling by itself, from a calm second on', () => {
    const admission = cut().work(0.5);
    const calm = (windows: number) => {
      for (let n = 0; n < windows; n++) {
        admission.windows(1, 'check', 1);
        admission.answerAll();
      }
    };
    calm(9);
    expect(limits(admission)).toEqual({ check: 32, read: 16, send: 16 });
    calm(30);
    expect(limits(admission)).toEqual(CEILINGS);
  });

  test('does not grow while the event loop has no idle time: more at once would only wait for each other', () => {
    const admission = cut();
    for (let n = 0; n < 30; n++) admission.calls(400, 'check').windows(1, 'check', 1);
    expect(admission.of('check')?.limit).toBe(32);
  });

  test.each([
    ['nobody', 0.89, { check: 300, read: 300, send: 300 }],
    ['sends', 0.93, { check: 300, read: 300, send: 16 }],
    ['sends, then reads', 0.96, { check: 300, read: 16, send: 16 }],
    ['checks at last', 0.99, { check: 32, read: 16, send: 16 }],
  ])('is cut while the event loop is idle for less than its class leaves: %s', (_, utilization, expected) => {
    const admission = stage(CEILINGS).work(utilization);
    for (let n = 0; n < 60; n++) {
      admission.calls(1, 'check').windows(1, 'check', 1);
      admission.answerAll();
    }
    expect(limits(admission)).toEqual(expected);
  });

  test('stays where it is while nobody asks for more', () => {
    const admission = stage();
    for (let n = 0; n < 50; n++) {
      admission.windows(1, 'check', 1);
      admission.answerAll();
    }
    expect(limits(admission)).toEqual({ check: 1_024, read: 512, send: 1_024 });
  });

  test.each([
    ['nobody', 9, { check: 300, read: 300, send: 300 }],
    ['sends', 11, { check: 300, read: 300, send: 16 }],
    ['sends, then reads', 16, { check: 300, read: 16, send: 16 }],
    ['checks at last', 21, { check: 32, read: 16, send: 16 }],
  ])('late turns of the event loop cut %s', (_, turnMs, expected) => {
    const admission = stage(CEILINGS);
    admission.windows(60, 'check', turnMs);
    expect(limits(admission)).toEqual(expected);
  });

  test('is not cut for a pause that few calls met', () => {
    const admission = stage(CEILINGS);
    for (let n = 0; n < 20; n++) {
      for (let turn = 0; turn < 9; turn++) {
        admission.calls(10, 'check').endTurn(1);
        admission.answerAll();
      }
      admission.calls(40, 'check').endTurn(90);
      admission.answerAll();
      admission.pass(10);
    }
    expect(admission.of('check')?.limit).toBe(300);
  });

  test('is not cut for two windows of late turns, which a start or a busy neighbour makes, but by the third', () => {
    const admission = stage(CEILINGS);
    const before = () => {
      admission.answerAll();
      admission.windows(1, 'send', 1);
    };
    for (let n = 0; n < 10; n++) {
      admission.calls(200, 'send').windows(2, 'send', 60);
      before();
    }
    expect(limits(admission)).toEqual({ check: 300, read: 300, send: 300 });
    admission.calls(200, 'send').windows(4, 'send', 60);
    expect(admission.of('send')?.limit).toBeLessThan(300);
  });

  test('of sends is not touched by hundreds that hang at their vendor, and checks have their places', () => {
    const admission = stage().calls(500, 'send');
    admission.windows(20, 'check', 1);
    expect(admission.of('send')).toMatchObject({ underWay: 500, limit: 1_024, waiting: 0 });
    expect(admission.refused).toEqual([]);
    expect(admission.begun).toHaveLength(520);
  });

  test.each([
    ['sends, of which most wait for a vendor: from where it is', 'send', 655],
    ['reads, step by step', 'read', 327],
    ['checks: from what is under way', 'check', 64],
  ] as const)('shrinks for %s', (_, callClass, expected) => {
    const admission = stage().calls(100, callClass);
    admission.work(1).windows(5, callClass === 'send' ? 'check' : 'send', 1);
    expect(admission.of(callClass)?.limit).toBe(expected);
  });

  test('of one class is never taken by another', () => {
    const admission = stage({ check: 32, read: 8, send: 8 }).calls(2_000, 'send').calls(2_000, 'read');
    admission.calls(32, 'check');
    expect(admission.of('check')).toMatchObject({ underWay: 32, waiting: 0 });
  });
});

describe('grpc.health.v1', () => {
  test('is never refused because of others', () => {
    const admission = stage({ check: 8, read: 8, send: 8 })
      .calls(2_000, 'check')
      .calls(2_000, 'send')
      .calls(50, 'health');
    expect(admission.begun.filter((name) => name.startsWith('health'))).toHaveLength(50);
  });

  test('gets 50 calls in a tenth of a second and takes no place from others', () => {
    const admission = stage().calls(60, 'health');
    expect(admission.refused).toHaveLength(10);
    expect(admission.of('check')).toMatchObject({ underWay: 0 });
    admission.pass(100);
    admission.refused.length = 0;
    admission.calls(50, 'health');
    expect(admission.refused).toEqual([]);
  });
});

test('negative control: switched off it begins everything at once, and expired calls as well', () => {
  const admission = stage(null).calls(5_000, 'check');
  admission.call('late', 'check', { expiresInMs: -1 });
  expect(admission.begun).toHaveLength(5_001);
});
