/** A proxy in front of Redis that understands the traffic: it lists the commands and can lose the reply to one. */
import { startProxy, type Tap, type TcpProxy } from './proxy.ts';
import { createSplitter, isPush, words } from './resp.ts';

export interface RedisCommand {
  /** In capitals, `EVALSHA`. */
  readonly name: string;
  readonly args: readonly Buffer[];
}

export interface RedisProxy extends TcpProxy {
  /** The names of the commands that went to the server, in order, since the start or `forget`. */
  commands(): readonly string[];
  forget(): void;
  /**
   * From now on, when `matches` accepts a command: it reaches the server, its reply is read, and both connections are
   * reset instead of delivering it. Replies to earlier commands are still delivered; later ones are lost too.
   */
  loseReplies(matches: (command: RedisCommand) => boolean): void;
  /** How many replies were lost. */
  lost(): number;
  keepReplies(): void;
}

/** Not for TLS, replication, MONITOR or subscriptions: there replies do not follow requests one by one. */
export async function startRedisProxy(upstream: { host: string; port: number }): Promise<RedisProxy> {
  let names: string[] = [];
  let lost = 0;
  let loses: (command: RedisCommand) => boolean = () => false;

  const tap = (): Tap => {
    const requests = createSplitter();
    const replies = createSplitter();
    /** Per command without a reply yet, whether that is to be lost. */
    const waiting: boolean[] = [];
    let cut = false;
    return {
      request: (chunk) => {
        for (const request of requests(chunk)) {
          const [name = Buffer.alloc(0), ...args] = words(request);
          const command = { name: name.toString().toUpperCase(), args };
          names.push(command.name);
          waiting.push(loses(command));
        }
      },
      reply: (chunk) => {
        const values = cut ? [] : replies(chunk);
        // Nothing is delivered before it is whole, so that the part of a reply that is to be lost is not either.
        for (const [index, value] of values.entries()) {
          if (isPush(value) || !waiting.shift()) continue;
          lost++;
          cut = true;
          return { forward: Buffer.concat(values.slice(0, index)), cut };
        }
        return { forward: Buffer.concat(values), cut: false };
      },
    };
  };

  const proxy = await startProxy(upstream, tap);
  return {
    ...proxy,
    commands: () => names,
    forget: () => {
      names = [];
    },
    loseReplies: (matches) => {
      loses = matches;
    },
    lost: () => lost,
    keepReplies: () => {
      loses = () => false;
    },
  };
}
