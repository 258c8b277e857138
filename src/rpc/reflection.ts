/** Server reflection, from descriptors that are compiled in: stock clients need no proto file. */
import { type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ReflectionService } from '@grpc/reflection';
import { service as healthService } from 'grpc-health-check';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.ts';
import { file_google_rpc_status } from '../gen/google/rpc/status_pb.ts';
import { file_verification_v1_verification } from '../gen/verification/v1/verification_pb.ts';

/** The error types are no part of any method's signature; with them clients can print the details of an error. */
const FILES = [file_verification_v1_verification, file_google_rpc_status, file_google_rpc_error_details];

/** Speaks v1 and v1alpha. */
export function createReflection(): ReflectionService {
  const fileDescriptorProtos = [...withImports(FILES)].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  const health = Object.values(healthService).flatMap(({ requestType }) => requestType.fileDescriptorProtos);
  // The package wants the output of proto-loader, and reads nothing of it but the descriptors of its types.
  const types = { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos } as const;
  return new ReflectionService({
    verification: types,
    health: { ...types, fileDescriptorProtos: health },
  } as ConstructorParameters<typeof ReflectionService>[0]);
}

function withImports(files: readonly DescFile[], seen = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (seen.has(file)) continue;
    seen.add(file);
    withImports(file.dependencies, seen);
  }
  return seen;
}
