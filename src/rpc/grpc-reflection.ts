/** Server reflection, v1 and v1alpha, from descriptors that are compiled in: stock clients need no proto file. */
import { type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { ReflectionService } from '@grpc/reflection';
import { file_countersign_v1_verification } from '../gen/countersign/v1/verification_pb.ts';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.ts';
import { file_google_rpc_status } from '../gen/google/rpc/status_pb.ts';
import { file_grpc_health_v1_health } from '../gen/grpc/health/v1/health_pb.ts';

/** No method names the error types, but with them clients can print the details of an error. */
const FILES = [
  file_countersign_v1_verification,
  file_grpc_health_v1_health,
  file_google_rpc_status,
  file_google_rpc_error_details,
];

export function createReflection(): ReflectionService {
  const files = [...withImports(FILES)].map(({ proto }) => proto);
  // The shape in which proto-loader hands over a package; only its descriptors are read.
  const loaded = {
    countersign: {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos: files.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file))),
    },
  };
  return new ReflectionService(loaded as unknown as ConstructorParameters<typeof ReflectionService>[0]);
}

function withImports(files: readonly DescFile[], seen = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (seen.has(file)) continue;
    seen.add(file);
    withImports(file.dependencies, seen);
  }
  return seen;
}
