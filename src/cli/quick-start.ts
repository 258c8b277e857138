import type { Ports } from '../app.ts';
import { addressOf, reach } from '../config/address.ts';
import type { Config } from '../config/schema.ts';

const SERVICE = 'countersign.v1.VerificationService';
/** A number that is valid everywhere and belongs to nobody (the 555-01xx range is for fiction). */
const PHONE = '+14155550123';

/** Stands in the printed CheckCode for the `verificationId` in the answer of SendCode. */
const ID = '<the one you got>';

/** What a developer can paste into a shell right after the start. */
export function firstCalls(config: Config, ports: Ports): string {
  const purpose = config.purposes.login ? 'login' : Object.keys(config.purposes)[0];
  const digits = config.purposes[purpose ?? '']?.digits ?? config.codes.digits;
  const at = (listener: 'grpc' | 'http') => reach({ ...addressOf(config.listen[listener]), port: ports[listener] });
  const token = Object.keys(config.callers).length > 0 ? ' -H "authorization: Bearer $TOKEN"' : '';
  const schema = config.reflection ? '' : ' -import-path proto -proto countersign/v1/verification.proto';
  const send = JSON.stringify({ phone: PHONE, purpose });
  const check = JSON.stringify({ verification_id: ID, purpose, code: '123456789'.slice(0, digits) });

  const curl = (rpc: string, body: string) =>
    `curl -H 'content-type: application/json'${token} -d '${body}' http://${at('http')}/${SERVICE}/${rpc}`;
  const grpcurl = (rpc: string, body: string) =>
    `grpcurl -plaintext${schema}${token} -d '${body}' ${at('grpc')} ${SERVICE}/${rpc}`;
  const bufCurl = (rpc: string, body: string) =>
    `npx buf curl --schema proto${token} -d '${body}' http://${at('http')}/${SERVICE}/${rpc}`;

  const lines = [
    '',
    `Countersign is ready: gRPC on ${at('grpc')}, HTTP on ${at('http')}, operations on ${reach({ ...addressOf(config.listen.ops), port: ports.ops })}.`,
    '',
    config.sms.mockMode
      ? 'Send a code (it is printed here, not sent):'
      : 'Send a code (put in your own phone: it is really sent):',
    curl('SendCode', send),
    grpcurl('SendCode', send),
    bufCurl('SendCode', send),
    '',
    config.sms.mockMode
      ? 'Check it (put in verificationId and code from that answer):'
      : 'Check it (put in verificationId from that answer, and the code from the SMS):',
    curl('CheckCode', check),
    grpcurl('CheckCode', check),
    bufCurl('CheckCode', check),
    '',
    'Ask what is allowed now, and why:',
    curl('RateStatus', send),
    grpcurl('RateStatus', send),
    bufCurl('RateStatus', send),
    '',
  ];
  return `${lines.map((line) => (/^(curl|grpcurl|npx) /.test(line) ? `  ${line}` : line)).join('\n')}\n`;
}
