/** An SMS provider that keeps what it is given, and answers as a test wants. */
import type { Message, Provider, SendResult } from '../../src/sms/provider.ts';

export interface Inbox {
  readonly provider: Provider;
  /** Every message, oldest first, whatever the answer to it was. */
  readonly messages: readonly Message[];
  /** The code in the last message to a phone (E.164). Throws when there is none. */
  codeTo(phone: string): string;
  /** What happens to messages from now on; they are accepted until told otherwise. */
  answer(answer: Provider['send']): void;
}

export function createInbox(name = 'inbox'): Inbox {
  const messages: Message[] = [];
  let send: Provider['send'] = async ({ sendId }): Promise<SendResult> => ({
    kind: 'accepted',
    messageId: `message-${sendId}`,
    segments: 1,
  });
  return {
    messages,
    provider: {
      name,
      send: (message, signal) => {
        messages.push(message);
        return send(message, signal);
      },
    },
    codeTo: (phone) => {
      const message = messages.findLast(({ to }) => to === phone);
      if (message === undefined) throw new Error('no message went to this phone');
      return message.code;
    },
    answer: (next) => {
      send = next;
    },
  };
}
