/** The parts of an error that may be logged. Its message is not: it may hold a phone, a code or a vendor's text. */
export interface FaultRecord {
  readonly name: string;
  readonly error_code?: string;
  /** Frames only: the head of a stack repeats the message. */
  readonly stack?: readonly string[];
  readonly cause?: FaultRecord;
}

const MAX_CAUSES = 3;

export function faultRecord(error: unknown, depth = 0): FaultRecord {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = codeOf(error);
  const stack = framesOf(error);
  return {
    name: word(error.name) ?? 'Error',
    ...(code !== undefined && { error_code: code }),
    ...(depth === 0 && stack.length > 0 && { stack }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: faultRecord(error.cause, depth + 1) }),
  };
}

/** Node's and gRPC's `code`, or the capital word that begins an error reply of Redis (`READONLY`, `WRONGPASS`). */
function codeOf(error: Error): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return String(code).slice(0, 5);
  return word(code) ?? /^[A-Z]{2,32}(?= )/.exec(error.message)?.[0];
}

function word(value: unknown): string | undefined {
  // Full stops are in vendors' codes. Digits are let through only as an HTTP status at the end of a code of ours.
  return typeof value === 'string' && /^[A-Za-z][A-Za-z_.]{0,95}(?:_\d{3})?$/.test(value) ? value : undefined;
}

function framesOf(error: Error): string[] {
  const stack = error.stack ?? '';
  const head = stack.indexOf(error.message);
  const frames = error.message !== '' && head !== -1 ? stack.slice(head + error.message.length) : stack;
  return frames
    .split('\n')
    .filter((line) => /^ {4}at /.test(line))
    .map((line) => line.trim());
}

/** What the store says happened, which may be logged: no phone and no code is ever handed to the store. */
export function whyOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
