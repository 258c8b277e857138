/** The two edges of the service as a driver meets them: a method's requests as bytes, and what answers them. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { type Caller, type CallerOptions, grpcCaller, jsonCaller } from './load.ts';
import type { Server } from './server.ts';

export const EDGES = ['gRPC', 'JSON'] as const;
export type Edge = (typeof EDGES)[number];

export function encode<I extends DescMessage>(
  edge: Edge,
  { input }: DescMethodUnary<I>,
  fields: MessageInitShape<I>,
): Buffer {
  const message = create(input, fields);
  return Buffer.from(edge === 'gRPC' ? toBinary(input, message) : toJsonString(input, message));
}

export function decode<O extends DescMessage>(
  edge: Edge,
  { output }: DescMethodUnary<DescMessage, O>,
  answer: Buffer,
): MessageShape<O> {
  return edge === 'gRPC' ? fromBinary(output, answer) : fromJsonString(output, `${answer}`);
}

/** One server after the other, each with connections of its own. */
export function callerOf(
  edge: Edge,
  servers: readonly Server[],
  options: CallerOptions & { concurrency: number },
): Caller {
  const callers = servers.map(({ grpc, http }) => {
    return edge === 'gRPC'
      ? grpcCaller(grpc, options)
      : jsonCaller(http, { ...options, connections: options.concurrency });
  });
  let turn = 0;
  return {
    call: (request) => (callers[turn++ % callers.length] as Caller).call(request),
    close: () => {
      for (const caller of callers) caller.close();
    },
  };
}
