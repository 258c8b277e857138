import type { Provider } from './provider.ts';

/** Shows the message to the developer instead of sending it. Development only: it is the one place that prints codes. */
export function createConsoleProvider(print: (line: string) => void): Provider {
  return {
    name: 'console',
    async send({ to, text, sendId }) {
      print(`SMS to ${to}: ${text}`);
      return { kind: 'accepted', messageId: sendId, segments: 1 };
    },
  };
}
