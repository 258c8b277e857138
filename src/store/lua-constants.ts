/**
 * The rules that no setting changes, written into the text of the scripts in place of their names: a call does not carry
 * them, and no script makes variables of them.
 */
import { SENDING_MS } from '../domain/deadlines.ts';
import {
  APPROVAL_RETENTION_MS,
  COOLDOWN_MEMORY_MS,
  COOLDOWN_STEPS,
  EARLY_REPORT_MS,
  GUESS_BUDGETS,
  REPLAY_MS,
  REPORT_MS,
  RETENTION_MS,
  SHARED_GRID_MS,
  UNDO_STEPS,
} from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { RING_PARTS } from './takes.ts';

const CONSTANTS: Readonly<Record<string, string | number>> = {
  APPROVAL_RETENTION_MS,
  COOLDOWN_MEMORY_MS,
  COOLDOWN_STEPS: `{ ${COOLDOWN_STEPS.join(', ')} }`,
  EARLY_REPORT_MS,
  GUESS_BUDGETS: `{ ${GUESS_BUDGETS.map(({ name, limit, windowMs }) => `'${name}', ${limit}, ${windowMs}`).join(', ')} }`,
  REPLAY_MS,
  REPORT_MS,
  RETENTION_MS,
  RING_PARTS,
  SENDING_MS,
  SHARED_GRID_MS,
  UNDO_STEPS,
  WAITING_REPORTS,
  // Values that a limit and a send have in the flat lists of the scripts.
  LIMIT_FIELDS: 3,
  SEND_FIELDS: 3,
};

const NAMES = new RegExp(`\\b(?:${Object.keys(CONSTANTS).join('|')})\\b`, 'g');

export function withConstants(lua: string): string {
  return lua.replaceAll(NAMES, (name) => String(CONSTANTS[name]));
}
