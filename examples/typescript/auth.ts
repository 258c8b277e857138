// An auth service that verifies phones with Countersign, in TypeScript. It signs in the phone that it is given.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { type Client, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { CheckResult, VerificationService } from './gen/countersign/v1/verification_pb.ts';
import { ErrorInfoSchema, RetryInfoSchema } from './gen/google/rpc/error_details_pb.ts';

type Countersign = Client<typeof VerificationService>;

// BEGIN
async function sendCode(client: Countersign, phone: string): Promise<string> {
  const sent = await client.sendCode({ phone, purpose: 'login', requestId: randomUUID() });
  return sent.verificationId; // keep it in the session of the login
}

async function isRight(client: Countersign, verificationId: string, code: string): Promise<boolean> {
  const guess = { verificationId, purpose: 'login', code, requestId: randomUUID() };
  const checked = await client.checkCode(guess);
  return checked.result === CheckResult.APPROVED;
}
// END

/** Why a call was refused, and how long to wait before the next. */
function refusal(error: ConnectError): string {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return `refused: ${info?.reason ?? error.message}, wait ${retry?.retryDelay?.seconds ?? 0} s`;
}

const { COUNTERSIGN_ADDRESS = '127.0.0.1:50051', COUNTERSIGN_TOKEN = '' } = process.env;
const authorize: Interceptor = (next) => (request) => {
  request.header.set('authorization', `Bearer ${COUNTERSIGN_TOKEN}`);
  return next(request);
};
const transport = createGrpcTransport({
  baseUrl: `http://${COUNTERSIGN_ADDRESS}`,
  interceptors: [authorize],
  defaultTimeoutMs: 10_000,
});
const client = createClient(VerificationService, transport);
try {
  const id = await sendCode(client, process.argv[2] ?? '');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const code = await terminal.question('code: ');
  terminal.close();
  console.log((await isRight(client, id, code)) ? 'signed in' : 'wrong code');
} catch (error) {
  if (!(error instanceof ConnectError)) throw error;
  console.log(refusal(error));
  process.exitCode = 1;
}
