/** Node's requests and responses as connect's universal handlers see them. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { Code } from '../gen/google/rpc/code_pb.ts';

export interface BufferedResponse {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

export const NO_BODY = Buffer.of();

/** Aborted when the connection closes, and also once the response is out. */
export function disconnectSignal(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => controller.abort());
  return controller.signal;
}

/**
 * Unlike connect-node's own translation, it reads no URL from the request: that throws on an invalid Host header,
 * outside of any handler, which would end the process.
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

/** Unary responses are small: the whole response, so that it can be replaced before it is sent. */
export async function collect(response: UniversalServerResponse): Promise<BufferedResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  return { status: response.status, headers: Object.fromEntries(response.header ?? []), body: Buffer.concat(chunks) };
}

/** The RPC status of a response of Connect or gRPC-Web. */
export function statusCodeOf({ status, headers, body }: BufferedResponse): number {
  if (String(headers['content-type']).startsWith('application/grpc-web')) {
    // In the trailer frame, at the end of the body.
    const text = body.toString('latin1');
    const start = text.lastIndexOf('grpc-status: ');
    return start === -1 ? Code.UNKNOWN : Number.parseInt(text.slice(start + 'grpc-status: '.length), 10);
  }
  if (status === 200) return Code.OK;
  const name = /^\{"code":"(\w+)"/.exec(body.toString())?.[1];
  // No body: the request was no POST, or its content type is unknown.
  return (name === undefined ? undefined : codeFromString(name)) ?? Code.UNIMPLEMENTED;
}
