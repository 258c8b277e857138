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

/** Fires when a client of this process has read the head of an answer. */
function answering(): AbortSignal {
  const controller = new AbortController();
  const channel = 'http.client.response.finish';
  const arrived = () => {
    unsubscribe(channel, arrived);
    // After its client was told.
    setImmediate(() => controller.abort());
  };
  subscribe(channel, arrived);
  return controller.signal;
}
