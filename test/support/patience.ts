/** Signals that fire at a moment of a test's choosing: what a time-out does, but neither too early nor late on a slow machine. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Behaviour, VendorServer } from './vendor-server.ts';
import { eventually } from './wait.ts';

/** Of a caller who waits for ever. */
const NEVER = new AbortController().signal;

export function signalOnce(what: string, there: () => boolean): AbortSignal {
  const controller = new AbortController();
  void eventually(what, there, { everyMs: 1 }).then(() => controller.abort());
  return controller.signal;
}

/**
 * Of a caller who gives up as soon as this behaviour is plain: when the vendor has read the next request, or when the head of its
 * answer has arrived, whose body never comes. Who gets an answer does not give up.
 */
export function patienceWith(behaviour: Behaviour, vendor: Pick<VendorServer, 'requests'>): AbortSignal {
  switch (behaviour.do) {
    case 'hang': {
      const before = vendor.requests.length;
      return signalOnce('the vendor has read the request', () => vendor.requests.length > before);
    }
    case 'stall':
    case 'trickle':
      return answering();
    default:
      return NEVER;
  }
}

/** Of `node:http` and of undici: a client of this process has read the head of an answer. */
const HEAD_READ = ['http.client.response.finish', 'undici:request:headers'];

function answering(): AbortSignal {
  const controller = new AbortController();
  const arrived = () => {
    for (const channel of HEAD_READ) unsubscribe(channel, arrived);
    // After its client was told.
    setImmediate(() => controller.abort());
  };
  for (const channel of HEAD_READ) subscribe(channel, arrived);
  return controller.signal;
}
