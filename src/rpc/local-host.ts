/**
 * A server without callers answers everybody who reaches it, and a development server shows codes. It listens on loopback,
 * but a browser on this machine reaches that for any page: a page whose own name resolves to 127.0.0.1 a moment later is
 * of the same origin as the server (DNS rebinding). The browser still sends the name that the page has, so the server
 * answers to its own names only. gRPC needs no such guard: browsers do not speak HTTP/2 without TLS.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

const LOCAL = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

const EXPLANATION =
  'This server has no callers configured, so it answers only to localhost, 127.0.0.1 and [::1], and not to the name ' +
  'in the Host header. Configure COUNTERSIGN_CALLERS to use other names.\n';

/** Whether the request was refused, because it was made to another name than this machine's. */
export function refusedForHost(req: IncomingMessage, res: ServerResponse): boolean {
  if (LOCAL.test(req.headers.host ?? '')) return false;
  // Not read any further: the connection ends with the answer.
  res.writeHead(421, { 'content-type': 'text/plain', connection: 'close' }).end(EXPLANATION);
  return true;
}
