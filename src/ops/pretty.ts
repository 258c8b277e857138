/** Lines for people instead of JSON. In a file of its own, so that it is loaded only when asked for. */
import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** Formats in this thread: a worker's last lines would be lost when the process ends. */
export function prettyStream(target: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: ['err'],
    // pino-pretty takes a field `caller` for a place in the code and prints it as `<caller>:` before the message.
    ignore: 'caller',
    messageFormat: '{msg}{if caller} caller={caller}{end}',
  });
  return {
    write(line) {
      const text: string | undefined = format(line);
      if (text !== undefined) target.write(text);
    },
  };
}
