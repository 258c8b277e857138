/** Reads MONITOR: which keys each script was given, and which it touched. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { RedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/wait.ts';

export interface ScriptWatch {
  /** What was touched without having been declared, `hget other-key`, since the start; and how much ran. */
  seen(): Promise<{ readonly scripts: number; readonly commands: number; readonly undeclared: readonly string[] }>;
  stop(): void;
}

/** The keys among the arguments of a command. What is not listed here is no command of ours. */
const NONE = () => [];
const FIRST = ([key = '']: readonly string[]) => [key];
const KEYS: Readonly<Record<string, (args: readonly string[]) => readonly string[]>> = {
  time: NONE,
  info: NONE,
  del: (args) => args,
  mget: (args) => args,
  ...Object.fromEntries(
    [
      ...['get', 'set', 'setrange', 'pexpire', 'rpush', 'ltrim', 'lrange', 'lrem'],
      ...['zadd', 'zcard', 'zscore', 'zrange', 'zrangebyscore', 'zrem', 'zremrangebyscore'],
      // Of a test.
      'hget',
    ].map((name) => [name, FIRST]),
  ),
};

/** `1763690000.123456 [0 lua] "HSET" "key" "field"`; what scripts call comes right after the script. */
const LINE = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/;

/** Over plain connections, without a password. */
export async function watchScripts(servers: readonly RedisServer[]): Promise<ScriptWatch> {
  const undeclared: string[] = [];
  let scripts = 0;
  let commands = 0;

  function reader(): (line: string) => void {
    let declared = new Set<string>();
    return (line) => {
      const [, source, words = ''] = LINE.exec(line) ?? [];
      const [name = '', ...args] = Array.from(words.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, word = '']) => word);
      const command = name.toLowerCase();
      if (source === 'lua') {
        commands += 1;
        const keys = KEYS[command];
        if (keys === undefined) undeclared.push(`${command}, which is not known here`);
        for (const key of keys?.(args) ?? []) if (!declared.has(key)) undeclared.push(`${command} ${key}`);
      } else if (command === 'evalsha' || command === 'eval') {
        scripts += 1;
        declared = new Set(args.slice(2, 2 + Number(args[1])));
      }
    };
  }

  const monitors = await Promise.all(
    servers.map(async (server) => {
      const socket = connect(server.port, server.host);
      const lines = createInterface(socket);
      const marks = new Set<string>();
      const read = reader();
      lines.on('line', (line) => {
        const mark = /"(mark-\d+)"/.exec(line)?.[1];
        if (mark === undefined) read(line);
        else marks.add(mark);
      });
      socket.write('MONITOR\r\n');
      await once(lines, 'line');
      return { client: server.connect(), socket, marks };
    }),
  );

  let asked = 0;
  return {
    seen: async () => {
      // What a server did before this mark has been told when the mark is.
      asked += 1;
      for (const { client, marks } of monitors) {
        await client.echo(`mark-${asked}`);
        await eventually('the monitor is up to date', () => marks.has(`mark-${asked}`), { everyMs: 2 });
      }
      return { scripts, commands, undeclared };
    },
    stop: () => {
      for (const { client, socket } of monitors) {
        client.disconnect();
        socket.destroy();
      }
    },
  };
}
