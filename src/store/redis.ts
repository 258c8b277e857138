/**
 * The store on Redis: standalone or Cluster. One script per transition, one round trip per call, all keys of a call on
 * one slot: which keys and arguments each script takes.
 */
import {
  APPROVAL_RETENTION_MS,
  COOLDOWN_MEMORY_MS,
  COOLDOWN_STEPS,
  EARLY_REPORT_MS,
  GUESS_BUDGETS,
  REPLAY_MS,
  REPORT_MS,
  RETENTION_MS,
} from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { keysOf, messageKeyOf } from './keys.ts';
import { createScriptCalls, type ScriptCallOptions } from './redis-scripts.ts';
import * as replies from './replies.ts';
import type { SendRules, Slot, Store } from './store.ts';

export interface RedisStoreOptions extends ScriptCallOptions {
  /** First part of every key. */
  readonly keyPrefix: string;
}

const BUDGET_RULES = { budgets: GUESS_BUDGETS, retentionMs: RETENTION_MS, approvalMs: APPROVAL_RETENTION_MS };
const COOLDOWN_RULES = { cooldownSteps: COOLDOWN_STEPS, cooldownMemoryMs: COOLDOWN_MEMORY_MS };
const RECORD_RULES = JSON.stringify(BUDGET_RULES);

export function createRedisStore(options: RedisStoreOptions): Store {
  const { keyPrefix } = options;
  const { run, close } = createScriptCalls(options);

  return {
    send({ slot, rules, sendId, candidate, session, request }) {
      const keys = keysOf(keyPrefix, slot);
      return run('send', replies.sendReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.approvals,
        keys.answer(request),
        sendRules(rules),
        sendId,
        candidate.nonce,
        candidate.seed,
        candidate.codeMac,
        session,
        request?.content ?? '',
      ]);
    },

    settle({ slot, sendId, requestHash, delivery }) {
      const keys = keysOf(keyPrefix, slot);
      return run('settle', replies.settleReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.answer(requestHash === null ? null : { hash: requestHash }),
        sendId,
        delivery === null ? '' : JSON.stringify(delivery),
        RECORD_RULES,
      ]);
    },

    check({ slot, nonce, session, codeMac, request, guessesByPhone }) {
      const keys = keysOf(keyPrefix, slot);
      return run('check', replies.checkReply, [
        keys.verification,
        keys.failures,
        keys.approvals,
        keys.verdict(request),
        nonce ?? '',
        session,
        codeMac,
        request?.content ?? '',
        String(guessesByPhone),
        owner(slot),
        String(REPLAY_MS),
        String(APPROVAL_RETENTION_MS),
      ]);
    },

    cancel({ slot, nonce }) {
      const keys = keysOf(keyPrefix, slot);
      return run('cancel', replies.recordReply, [keys.verification, keys.approvals, nonce, owner(slot), RECORD_RULES]);
    },

    status({ slot, nonce, cooldownMs, windows }) {
      const keys = keysOf(keyPrefix, slot);
      return run('status', replies.statusReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.approvals,
        JSON.stringify({ cooldownMs, windows, ...COOLDOWN_RULES, ...BUDGET_RULES }),
        nonce ?? '',
        owner(slot),
      ]);
    },

    report({ slot, sendId, provider, messageId, status, category }) {
      const report = JSON.stringify({ provider, messageId, status, category });
      const { verification } = keysOf(keyPrefix, slot);
      return run('report', replies.reportReply, [verification, sendId, report, RECORD_RULES]);
    },

    link({ message, token }) {
      return run('link', replies.linkReply, [messageKeyOf(keyPrefix, message), token, String(REPORT_MS)]);
    },

    lookup({ message, report }) {
      return run('lookup', replies.lookupReply, [
        messageKeyOf(keyPrefix, message),
        JSON.stringify(report),
        String(EARLY_REPORT_MS),
        String(WAITING_REPORTS),
      ]);
    },

    ready: () => run('ready', replies.readyReply, [`${keyPrefix}:{ready}`]),

    close: async () => close(),
  };
}

function sendRules(rules: SendRules): string {
  const longest = Math.max(
    COOLDOWN_MEMORY_MS,
    rules.cooldownMs * Math.max(...COOLDOWN_STEPS),
    ...rules.windows.map(({ windowMs }) => windowMs),
  );
  return JSON.stringify({ ...rules, ...COOLDOWN_RULES, ...BUDGET_RULES, keepSendsMs: longest, replayMs: REPLAY_MS });
}

/** Whose approval it is, within a phone's slot. */
function owner({ caller, purpose }: Slot): string {
  return `${caller}:${purpose}`;
}
