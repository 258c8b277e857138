/** Node's requests and responses as connect's universal handlers see them. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { Code } from '../gen/google/rpc/code_pb.ts';

export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

export const NO_BODY = Buffer.of();

/** Aborted when the connection closes, and also once the response is out. */
export function goneSignal(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => controller.abort());
  return controller.signal;
}

/**
 * Unlike connect-node's own translation, it reads no URL from the request: that throws on a Host header which is none,
 * outside of any handler, and so ends the process.
 */
export function requestOf(
  { requestPath }: UniversalHandler,
  req: IncomingMessage,
  rest: Pick<UniversalServerRequest, 'signal' | 'contextValues'>,
): UniversalServerRequest {
  const header = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    if (typeof value === 'string') header.set(name, value);
  }
  const { httpVersion, method = '' } = req;
  return { httpVersion, method, url: `http://localhost${requestPath}`, header, body: req, ...rest };
}

/** Unary answers are small: the whole response, ready to be sent or thought over. */
export async function collect(response: UniversalServerResponse): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  return { status: response.status, headers: Object.fromEntries(response.header ?? []), body: Buffer.concat(chunks) };
}

/** The status code that an answer carries, in whichever protocol it is. */
export function codeOnWire({ status, headers, body }: Answer): number {
  if (String(headers['content-type']).startsWith('application/grpc-web')) {
    // In the trailer frame, which ends the body.
    const text = body.toString('latin1');
    const at = text.lastIndexOf('grpc-status: ');
    return at === -1 ? Code.UNKNOWN : Number.parseInt(text.slice(at + 'grpc-status: '.length), 10);
  }
  if (status === 200) return Code.OK;
  const name = /^\{"code":"(\w+)"/.exec(body.toString())?.[1];
  // Without a body: another verb than POST, another content type.
  return (name === undefined ? undefined : codeFromString(name)) ?? Code.UNIMPLEMENTED;
}
