/**
 * The store on Redis: standalone or Cluster. One script per transition, one round trip per call, all keys of a call in
 * one hash slot of a Cluster. Here stands which keys and arguments each script gets.
 */
import { messagesIn } from '../domain/delivery.ts';
import { sendsCountMs } from '../domain/limits.ts';
import type { Limit } from '../domain/policy.ts';
import { deliveryText } from './delivery-text.ts';
import { keysOf, messageKeysOf, ownerOf, readyKeyOf } from './keys.ts';
import { createScriptCalls, type ScriptCallOptions } from './redis-scripts.ts';
import { forGive, forTake } from './redis-takes.ts';
import * as replies from './replies.ts';
import type { LinkCommand, LookupCommand, ReportCommand } from './report-commands.ts';
import type { CancelCommand, CheckCommand, SendCommand, SettleCommand, StatusCommand, Store } from './store.ts';

export interface RedisStoreOptions extends Omit<ScriptCallOptions, 'connected'> {
  /** First part of every key. */
  readonly keyPrefix: string;
}

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
    take: (command) => run('take', (reply) => replies.takeReply(reply, command), forTake(prefix, command)),
    give: (command) => run('give', replies.giveReply, forGive(prefix, command)),
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
    windowsText(rules.windows),
    String(rules.cooldownMs),
    String(sendsCountMs(rules)),
    slot.caller,
    String(rules.lifeMs),
    String(rules.digits),
    String(rules.guesses),
    rules.resend,
    rules.test ? '1' : '',
    sendId,
    candidate.nonce,
    candidate.seed,
    candidate.codeMac,
    session,
    content,
    request?.content ?? '',
  ];
}

const texts = new WeakMap<readonly Limit[], string>();

/** Written once for each policy: the windows of all calls are the same list. */
function windowsText(windows: readonly Limit[]): string {
  const known = texts.get(windows);
  if (known !== undefined) return known;
  const text = JSON.stringify(windows.flatMap(({ name, limit, windowMs }) => [name, limit, windowMs]));
  texts.set(windows, text);
  return text;
}

function forSettle(prefix: string, { slot, sendId, requestHash, delivery }: SettleCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.sends,
    keys.failures,
    keys.answer(requestHash),
    sendId,
    slot.caller,
    delivery === null ? '' : deliveryText(delivery),
    String(delivery === null ? 0 : messagesIn(delivery)),
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
  ];
}

function forCancel(prefix: string, { slot, nonce }: CancelCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [keys.verification, keys.approvals, nonce, ownerOf(slot)];
}

function forStatus(prefix: string, { slot, nonce, cooldownMs, windows }: StatusCommand): string[] {
  const keys = keysOf(prefix, slot);
  return [
    keys.verification,
    keys.sends,
    keys.failures,
    keys.approvals,
    windowsText(windows),
    String(cooldownMs),
    nonce ?? '',
    ownerOf(slot),
  ];
}

function forLink(prefix: string, { message, token }: LinkCommand): string[] {
  const keys = messageKeysOf(prefix, message);
  return [keys.link, keys.waiting, message, token];
}

function forLookup(prefix: string, { message, report }: LookupCommand): string[] {
  const keys = messageKeysOf(prefix, message);
  const { status, category, vendorCode } = report;
  return [keys.link, keys.waiting, message, JSON.stringify([status, category, vendorCode])];
}

function forReport(prefix: string, { slot, sendId, ...report }: ReportCommand): string[] {
  const { provider, messageId, status, category } = report;
  const json = JSON.stringify({ provider, messageId, status, category });
  return [keysOf(prefix, slot).verification, sendId, json];
}
