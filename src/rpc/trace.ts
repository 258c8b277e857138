/** The trace that a call belongs to, by the header `traceparent` of W3C Trace Context. */

const FORM = /^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<parent>[0-9a-f]{16})-[0-9a-f]{2}(?<more>-.*)?$/;
const ZEROS = /^0+$/;

/** Undefined without the header, and when it is not of that form: whatever it is then, it does not get into the log. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const { version, trace, parent, more } = FORM.exec(traceparent ?? '')?.groups ?? {};
  if (trace === undefined || parent === undefined || ZEROS.test(trace) || ZEROS.test(parent)) return undefined;
  // Later versions may add fields; version 00 has none, and ff is no version.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return trace;
}
