import type { Provider } from './provider.ts';

/** Prints the message instead of sending it. For development only: no other code prints codes. */
export function createConsoleProvider(print: (line: string) => void): Provider {
  return {
    name: 'console',
    async send({ to, text, sendId }) {
      print(`SMS to ${to}: ${text}`);
      return { kind: 'accepted', messageId: sendId, segments: 1 };
    },
  };
}
