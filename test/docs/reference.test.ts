/** The tables of docs/clients.md and docs/limits.md are held against the code: nothing is missing, nothing is stale. */
import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { limitPolicy } from '../../src/config/policies.ts';
import {
  APPROVAL_RETENTION_MS,
  COOLDOWN_STEPS,
  GUESS_BUDGETS,
  REPLAY_MS,
  RETENTION_MS,
} from '../../src/domain/policy.ts';
import type { Reason, Refusal } from '../../src/domain/refusal.ts';
import {
  CheckResultSchema,
  DeliveryStatusSchema,
  ErrorReasonSchema,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import { codeName, codeOf, connectError } from '../../src/rpc/errors.ts';
import { ENGLISH } from '../../src/rpc/texts.ts';
import { codeWords, markedPart, read, sectionOf, tableOf } from '../support/markdown.ts';

const clients = read('docs/clients.md');
const limits = read('docs/limits.md');

describe('the table', () => {
  /** One of each: the compiler says when a reason is missing. */
  const wait = { retryAfterMs: 1_000 };
  const refusals: { [R in Reason]: Extract<Refusal, { reason: R }> } = {
    INVALID_FIELDS: { reason: 'INVALID_FIELDS', violations: [{ field: 'phone', rule: 'required' }] },
    REQUEST_ID_REUSED: { reason: 'REQUEST_ID_REUSED' },
    MALFORMED_REQUEST: { reason: 'MALFORMED_REQUEST' },
    SEND_UNDER_WAY: { reason: 'SEND_UNDER_WAY', ...wait },
    CODE_LOST: { reason: 'CODE_LOST' },
    COOLDOWN: { reason: 'COOLDOWN', ...wait },
    PHONE_LIMIT: { reason: 'PHONE_LIMIT', limit: 'phone_hour', max: 5, windowMs: 1, ...wait },
    GUESS_BUDGET: { reason: 'GUESS_BUDGET', max: 20, windowMs: 1, ...wait },
    NUMBER_TYPE_REFUSED: { reason: 'NUMBER_TYPE_REFUSED', numberType: 'pager' },
    DESTINATION_REFUSED: { reason: 'DESTINATION_REFUSED' },
    UNAUTHENTICATED: { reason: 'UNAUTHENTICATED' },
    PURPOSE_NOT_ALLOWED: { reason: 'PURPOSE_NOT_ALLOWED' },
    VERIFICATION_NOT_FOUND: { reason: 'VERIFICATION_NOT_FOUND' },
    STORE_UNAVAILABLE: { reason: 'STORE_UNAVAILABLE', ...wait },
    DELIVERY_UNAVAILABLE: { reason: 'DELIVERY_UNAVAILABLE', ...wait },
    PROVIDER_LIMIT: { reason: 'PROVIDER_LIMIT', ...wait },
    OVERLOADED: { reason: 'OVERLOADED', ...wait },
    DELIVERY_MISCONFIGURED: { reason: 'DELIVERY_MISCONFIGURED' },
    DEADLINE: { reason: 'DEADLINE' },
    CANCELED: { reason: 'CANCELED' },
    INTERNAL: { reason: 'INTERNAL' },
  };
  const rowOf = ({ reason }: Refusal) => {
    const error = connectError(refusals[reason], 'en');
    const names = error.details.map((detail) => ('desc' in detail ? detail.desc.name : 'unknown'));
    const further = names.filter((name) => name !== 'ErrorInfo' && name !== 'LocalizedMessage');
    expect(names).toHaveLength(further.length + 2);
    const http = codeToHttpStatus(error.code);
    return [`\`${reason}\``, `\`${codeName(codeOf(refusals[reason]))}\` (${http})`, ...further];
  };
  const namesOf = (schema: { values: readonly { name: string }[] }, prefix: string) =>
    schema.values.map(({ name }) => name.replace(prefix, '')).filter((name) => name !== 'UNSPECIFIED');

  test('of errors has every reason of the proto, with the status and the details that it comes with', () => {
    const rows = tableOf(markedPart(clients, 'errors'));
    expect(rows.map(([reason, status, details]) => [reason, status, ...codeWords(details)]).sort()).toEqual(
      Object.values(refusals).map(rowOf).sort(),
    );
    expect(rows.map(([reason]) => codeWords(reason)[0]).sort()).toEqual(
      namesOf(ErrorReasonSchema, 'ERROR_REASON_').sort(),
    );
    expect(rows.every(([, , , meaning]) => meaning !== undefined && meaning.length > 10)).toBe(true);
  });

  test('of results has every result of a check and every state of a delivery', () => {
    const results = sectionOf(clients, '## Results');
    const second = results.slice(results.indexOf('SendCodeResponse'));
    expect(tableOf(results).flatMap(([name]) => codeWords(name))).toEqual(namesOf(CheckResultSchema, 'CHECK_RESULT_'));
    const statuses = tableOf(second).flatMap(([name]) => codeWords(name));
    expect(statuses.sort()).toEqual(namesOf(DeliveryStatusSchema, 'DELIVERY_STATUS_').sort());
  });

  test('of RPCs has every RPC', () => {
    const rows = tableOf(sectionOf(clients, '## RPCs'));
    expect(rows.flatMap(([name]) => codeWords(name))).toEqual(VerificationService.methods.map(({ name }) => name));
  });

  test('of limits has the defaults, and the rules for fields are all named', () => {
    const hours = (ms: number) => (ms === 3_600_000 ? '1 hour' : `${ms / 3_600_000} hours`);
    const config = loadConfig({}, () => '');
    const { cooldownMs, windows } = limitPolicy(config);
    const { digits, lifeMs, guesses, guessesByPhone } = {
      ...config.purposes.login,
      lifeMs: (config.purposes.login?.expirySeconds ?? 0) * 1000,
    };
    const [day, month] = GUESS_BUDGETS;
    const [first, second, ...later] = COOLDOWN_STEPS.map((step) => (step * cooldownMs) / 1000);
    const defaults = [
      `${first} s, then ${second} s, ${later.map((s) => s / 60).join(', ')} minutes`.replace(/, (\d+) m/, ' and $1 m'),
      ...windows.map(({ limit, windowMs }) => `${limit} in ${hours(windowMs)}`),
      `${guesses}, at most ${guessesByPhone} of them by phone`,
      `${day?.limit} in ${hours(day?.windowMs ?? 0)} and ${month?.limit} in ${(month?.windowMs ?? 0) / 86_400_000} days`,
      `${lifeMs / 60_000} minutes, ${digits} digits`,
      `${REPLAY_MS / 60_000} minutes`,
      `${hours(RETENTION_MS)} after the code's life or its approval; that a phone was approved, and when: ${APPROVAL_RETENTION_MS / 86_400_000} days`,
    ];
    const rows = tableOf(limits);
    expect(rows.map(([, value]) => value)).toEqual(defaults);
    const named = rows.flatMap(([name]) => codeWords(name)).filter((name) => name.startsWith('phone_'));
    expect(named).toEqual(windows.map(({ name }) => name));

    const rules = /field_violations\[\]\.reason` is one of ([^.]*)\./.exec(clients)?.[1];
    expect(codeWords(rules).sort()).toEqual(
      Object.keys(ENGLISH.rules)
        .map((rule) => rule.toUpperCase())
        .sort(),
    );
  });
});
