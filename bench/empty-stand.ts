/** Servers that do nothing, called as CheckCode is: see empty.ts. */
import { VerificationService } from '../src/gen/countersign/v1/verification_pb.ts';
import { costOf } from './cost.ts';
import { callerOf, type Edge, encode } from './edge.ts';
import { NO_CODE, PURPOSE } from './guesses.ts';
import { type Server, startServer } from './server.ts';
import type { Stand } from './stand.ts';

const method = VerificationService.method.checkCode;

export type EmptyKind = 'library' | 'http2' | 'edges';

export const EMPTY_STEP = 'empty handler';

export async function emptyServer(kind: EmptyKind): Promise<Server> {
  return startServer(['bench/empty.ts', kind]);
}

export function emptyStand(name: string, server: Server, edge: Edge = 'gRPC'): Stand {
  const request = encode(edge, method, { ...NO_CODE, purpose: PURPOSE });
  return {
    name,
    turn: async ({ calls, ...how }) => {
      const caller = callerOf(edge, [server], { method, ...how });
      const requests = new Array<Buffer>(calls).fill(request);
      const { cost } = await costOf({ pids: [server.process.pid], stores: [] }, { requests, ...how, ...caller });
      caller.close();
      return new Map([[EMPTY_STEP, cost]]);
    },
  };
}
