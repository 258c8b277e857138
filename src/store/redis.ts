/**
 * The store on Redis: standalone or Cluster. One script per transition, one round trip per call, all keys of a call in
 * one hash slot of a Cluster. Here stands which keys and arguments each script gets.
 */
import { SENDING_MS } from '../domain/deadlines.ts';
import { sendsCountMs } from '../domain/limits.ts';
import {
  APPROVAL_RETENTION_MS,
  COOLDOWN_MEMORY_MS,
  COOLDOWN_STEPS,
  EARLY_REPORT_MS,
  GUESS_BUDGETS,
  type LimitPolicy,
  REPLAY_MS,
  REPORT_MS,
  RETENTION_MS,
  SHARED_GRID_MS,
} from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { keysOf, messageKeysOf, ownerOf, readyKeyOf } from './keys.ts';
import { createScriptCalls, type ScriptCallOptions } from './redis-scripts.ts';
import * as replies from './replies.ts';
import type { LinkCommand, LookupCommand, ReportCommand } from './report-commands.ts';
import type {
  CancelCommand,
  CheckCommand,
  SendCommand,
  SendRules,
  SettleCommand,
  StatusCommand,
  Store,
} from './store.ts';

export interface RedisStoreOptions extends Omit<ScriptCallOptions, 'connected'> {
  /** First part of every key. */
  readonly keyPrefix: string;
}

const BUDGET_RULES = { budgets: GUESS_BUDGETS, retentionMs: RETENTION_MS, approvalMs: APPROVAL_RETENTION_MS };
const COOLDOWN_RULES = { cooldownSteps: COOLDOWN_STEPS, cooldownMemoryMs: COOLDOWN_MEMORY_MS };
const RECORD_RULES = JSON.stringify(BUDGET_RULES);

export function createRedisStore(options: RedisStoreOptions): Store {
  const { keyPrefix: prefix, emit } = options;
  const { run, close } = createScriptCalls({ ...options, connected: () => void announce() });
  const ready = () => run('ready', replies.readyReply, [readyKeyOf(prefix)]);

  /** A connection may lead to a Redis that loads, is full or is a replica. */
  async function announce(): Promise<void> {
    await ready().then(
      () => emit({ type: 'store_connection', state: 'ready' }),
      (error: Error) => emit({ type: 'store_connection', state: 'lost', error }),
    );
  }

  return {
    send: (command) => run('send', replies.sendReply, forSend(prefix, command)),
    settle: (command) => run('settle', replies.settleReply, forSettle(prefix, command)),
    check: (command) => run('check', replies.checkReply, forCheck(prefix, command)),
    cancel: (command) => run('cancel', replies.recordReply, forCancel(prefix, command)),
    status: (command) => run('status', replies.statusReply, forStatus(prefix, command)),
    report: (command) => run('report', replies.reportReply, forReport(prefix, command)),
    link: (command) => run('link', replies.linkReply, forLink(prefix, command)),
    lookup: (command) => run('lookup', replies.lookupReply, forLookup(prefix, command)),
    ready,
    close: async () => close(),
  };
}

function forSend(prefix: string, command: SendCommand): string[] {
  const { slot, rules, sendId, candidate, session, content, request } = command;
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.sends,
    keys.failures,
    keys.approvals,
    keys.answer(request?.hash ?? null),
    sendRules(rules, slot.caller),
    sendId,
    candidate.nonce,
    candidate.seed,
    candidate.codeMac,
    session,
    content,
    request?.content ?? '',
  ];
}

function sendRules(rules: SendRules, caller: string): string {
  const keepSendsMs = sendsCountMs(rules);
  return JSON.stringify({
    ...rules,
    ...COOLDOWN_RULES,
    ...BUDGET_RULES,
    keepSendsMs,
    replayMs: REPLAY_MS,
    leaseMs: SENDING_MS,
    caller,
    sharedGridMs: SHARED_GRID_MS,
  });
}

function forSettle(prefix: string, { slot, sendId, requestHash, delivery }: SettleCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.sends,
    keys.failures,
    keys.answer(requestHash),
    sendId,
    delivery === null ? '' : JSON.stringify(delivery),
    JSON.stringify({ ...BUDGET_RULES, replayMs: REPLAY_MS, caller: slot.caller }),
  ];
}

function forCheck(prefix: string, command: CheckCommand): string[] {
  const { slot, nonce, session, content, codeMac, request, approvedTag, guessesByPhone } = command;
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.failures,
    keys.approvals,
    keys.verdict(request?.hash ?? null),
    nonce ?? '',
    session,
    content,
    codeMac,
    request?.content ?? '',
    approvedTag,
    String(guessesByPhone),
    ownerOf(slot),
    String(REPLAY_MS),
    String(APPROVAL_RETENTION_MS),
  ];
}

function forCancel(prefix: string, { slot, nonce }: CancelCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [keys.verification, keys.approvals, nonce, ownerOf(slot), RECORD_RULES];
}

function forStatus(prefix: string, { slot, nonce, cooldownMs, windows }: StatusCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.sends,
    keys.failures,
    keys.approvals,
    statusRules(slot.caller, { cooldownMs, windows }),
    nonce ?? '',
    ownerOf(slot),
  ];
}

function forLink(prefix: string, { message, token }: LinkCommand): string[] {
  const keys = messageKeysOf(prefix, message);
  return [keys.link, keys.waiting, message, token, String(REPORT_MS), String(EARLY_REPORT_MS)];
}

function forLookup(prefix: string, { message, report }: LookupCommand): string[] {
  const keys = messageKeysOf(prefix, message);
  const { status, category, vendorCode } = report;
  const json = JSON.stringify([status, category, vendorCode]);
  return [keys.link, keys.waiting, message, json, String(EARLY_REPORT_MS), String(WAITING_REPORTS)];
}

function statusRules(caller: string, limits: LimitPolicy): string {
  return JSON.stringify({ ...limits, ...COOLDOWN_RULES, ...BUDGET_RULES, caller, sharedGridMs: SHARED_GRID_MS });
}

function forReport(prefix: string, { slot, sendId, ...report }: ReportCommand): string[] {
  const { provider, messageId, status, category } = report;
  const json = JSON.stringify({ provider, messageId, status, category });
  return [keysOf(prefix, slot).verification, sendId, json, RECORD_RULES];
}
