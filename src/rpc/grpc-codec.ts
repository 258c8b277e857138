/** A service descriptor as grpc-js wants it, and its messages as bytes. */
import {
  type DescMessage,
  type DescService,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { Refused } from '../domain/refusal.ts';

/** Handlers decode and encode by themselves: grpc-js answers INTERNAL when a decoder throws. */
export function serviceDefinition({ typeName, methods }: DescService): ServiceDefinition {
  const asIs = (bytes: Buffer) => bytes;
  return Object.fromEntries(
    methods.map(({ name, methodKind }) => [
      name,
      {
        path: `/${typeName}/${name}`,
        requestStream: false,
        responseStream: methodKind === 'server_streaming',
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}

export function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    // Without the cause, which may quote the input.
    throw new Refused({ reason: 'MALFORMED_REQUEST' });
  }
}

/** A view, not a copy: grpc-js wants a Buffer. */
export function encode(schema: DescMessage, message: Message): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
