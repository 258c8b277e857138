/**
 * The id of a message of Verify's: the attempt (`VL…`), which delivery states are about, and the verification (`VE…`),
 * which an approval is about. In one text, so that no process has to remember which attempt belongs to which
 * verification.
 */

const ATTEMPT = /^VL[0-9a-f]{32}$/;
const VERIFICATION = /^VE[0-9a-f]{32}$/;

/** Null when the ids are not those of an attempt and a verification. */
export function messageIdFrom(attempt: unknown, verification: unknown): string | null {
  if (typeof attempt !== 'string' || !ATTEMPT.test(attempt)) return null;
  return typeof verification === 'string' && VERIFICATION.test(verification) ? `${attempt}.${verification}` : null;
}

/** The verification in an id of ours. */
export function verificationIn(messageId: string): string {
  return messageId.slice(messageId.indexOf('.') + 1);
}

/** Of the newest SMS of a verification, from the answer to its start; null when the answer names none. */
export function messageIdOf({ sid, sendCodeAttempts }: { sid: unknown; sendCodeAttempts: unknown }): string | null {
  if (!Array.isArray(sendCodeAttempts)) return null;
  let newest: { attempt: unknown; time: number } = { attempt: null, time: Number.NEGATIVE_INFINITY };
  for (const { attempt_sid: attempt, time } of sendCodeAttempts.filter(isAttempt)) {
    const at = Date.parse(time);
    if (at >= newest.time) newest = { attempt, time: at };
  }
  return messageIdFrom(newest.attempt, sid);
}

function isAttempt(value: unknown): value is { readonly attempt_sid: unknown; readonly time: string } {
  return typeof value === 'object' && value !== null && 'attempt_sid' in value && 'time' in value;
}
