/** Just enough of the Redis protocol (RESP2 and RESP3) to find where a request or a reply ends. */

const CR_LF = Buffer.from('\r\n');
const char = (byte: number | undefined) => (byte === undefined ? '' : String.fromCharCode(byte));

/** Types whose header counts bytes that follow, and types whose header counts values that follow. */
const BULKS = new Set(['$', '=', '!']);
const AGGREGATES = new Map([
  ['*', 1],
  ['~', 1],
  ['>', 1],
  ['%', 2],
]);

/** The offset after the value that starts at `start`; -1 when it is not complete yet. */
export function valueEnd(bytes: Buffer, start: number): number {
  const lineEnd = bytes.indexOf(CR_LF, start);
  if (lineEnd === -1) return -1;
  const type = char(bytes[start]);
  const body = lineEnd + 2;
  const count = Number(bytes.toString('latin1', start + 1, lineEnd));
  if (BULKS.has(type)) {
    const end = count < 0 ? body : body + count + 2;
    return end <= bytes.length ? end : -1;
  }
  let end = body;
  for (let left = (AGGREGATES.get(type) ?? 0) * count; left > 0 && end !== -1; left--) end = valueEnd(bytes, end);
  return end;
}

/** Cuts a stream into whole values. Returns those that `chunk` completed; keeps the rest for the next call. */
export function createSplitter(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const values: Buffer[] = [];
    let start = 0;
    while (start < bytes.length) {
      const end = valueEnd(bytes, start);
      if (end === -1) break;
      values.push(bytes.subarray(start, end));
      start = end;
    }
    rest = bytes.subarray(start);
    return values;
  };
}

/** True for a RESP3 push: it answers no request. */
export function isPush(value: Buffer): boolean {
  return char(value[0]) === '>';
}

/** The words of a request: an array of bulk strings, or an inline line. */
export function words(request: Buffer): Buffer[] {
  if (char(request[0]) !== '*')
    return request
      .toString('latin1')
      .trim()
      .split(/\s+/)
      .map((word) => Buffer.from(word));
  const found: Buffer[] = [];
  let start = request.indexOf(CR_LF) + 2;
  while (start < request.length) {
    const end = valueEnd(request, start);
    found.push(request.subarray(request.indexOf(CR_LF, start) + 2, end - 2));
    start = end;
  }
  return found;
}
