/** One running redis-server, as a process or in a container, and the signals it can be sent. */
import { type Child, startChild } from './child.ts';
import type { ServerSource } from './redis-source.ts';

export type Fault = 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

export interface RedisProcess {
  /** Resolves when the signal was delivered; with SIGKILL, when the server is gone. */
  kill(signal: Fault): Promise<void>;
  stop(): Promise<void>;
}

export interface Launch {
  readonly args: readonly string[];
  /** The server's working directory. */
  readonly dir: string;
}

const READY = /Ready to accept connections/;

/** Resolves when the server accepts connections. Throws, quoting its log, when it does not come up. */
export function launchRedis(source: ServerSource, launch: Launch): Promise<RedisProcess> {
  return source.kind === 'program' ? launchProgram(source.path, launch) : launchContainer(source.image, launch);
}

async function launchProgram(path: string, { args, dir }: Launch): Promise<RedisProcess> {
  const child: Child = await startChild(path, args, { env: {}, cwd: dir, scratch: dir });
  await child.printed(READY).catch(async (error: unknown) => {
    await child.stop();
    throw error;
  });
  return {
    kill: async (signal) => {
      child.signal(signal);
      if (signal === 'SIGKILL') await child.exited;
    },
    stop: async () => void (await child.stop()),
  };
}

async function launchContainer(image: string, { args, dir }: Launch): Promise<RedisProcess> {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const started = await new GenericContainer(image)
    .withCommand(['redis-server', ...args])
    .withBindMounts([{ source: dir, target: dir }])
    .withWorkingDir(dir)
    .withUser(`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`)
    .withNetworkMode('host')
    .withWaitStrategy(Wait.forLogMessage(READY))
    .start();
  const engine = await getContainerRuntimeClient();
  return {
    kill: async (signal) => {
      await engine.container.dockerode.getContainer(started.getId()).kill({ signal });
      if (signal === 'SIGKILL') await started.stop();
    },
    stop: async () => void (await started.stop()),
  };
}
