/** All that can go wrong between the service and its vendors, made to happen over its own listeners. */
import { CheckResult, DeliveryStatus, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { type CallOptions, ok, type ServiceClient } from '../support/clients.ts';
import { json, type VendorServer } from '../support/vendor-server.ts';
import { eventually } from '../support/wait.ts';
import {
  DOWN,
  FAULTS,
  type Failing,
  gatewayAnswer,
  REFUSALS,
  SILENCES,
  tencentError,
  twilioError,
} from './failures.ts';
import { CREDENTIALS, TIMEOUT_MS, VENDOR_NAMES, VENDOR_TEXT, type VendorName, type Vendors } from './vendors.ts';

const { sendCode, checkCode, getVerification } = VerificationService.method;

/** A service under test, all of whose answers are kept. */
export interface Service {
  readonly call: ServiceClient['call'];
  metrics(): Promise<string>;
  /** From and to its store; `connect` need not have an effect at once. */
  cut(): void;
  connect(): Promise<void>;
}

export interface Scene {
  readonly service: Service;
  readonly vendors: Vendors;
  /** Remembers what must show nowhere. */
  secret(name: string, value: string): void;
}

const PATIENT = { token: CREDENTIALS.callerToken };
/** Too short for a second try at the same vendor, which would have to wait a second. */
const HURRIED = { ...PATIENT, timeoutMs: 1_400 };

export async function send(
  { service, vendors, secret }: Scene,
  of: VendorName | 'all',
  options: CallOptions = HURRIED,
) {
  const phone = vendors.phone(of);
  secret(`phone of ${phone.slice(-6)}`, phone);
  return { phone, answer: await service.call(sendCode, { phone, purpose: 'login', locale: 'en' }, options) };
}

/** A message after which the vendor is trusted again: failures count while they come in a row. */
async function sendWell(scene: Scene, of: VendorName) {
  scene.vendors.servers[of].behave(null);
  // A busy machine can take longer than the vendor has.
  return eventually(`${of} takes a message`, async () => {
    const { phone, answer } = await send(scene, of, PATIENT);
    const { verificationId, delivery } = ok(answer);
    return delivery?.status === DeliveryStatus.ACCEPTED && { phone, verificationId };
  });
}

/** What goes wrong is said at once. Where that took as long as a silence, it may have passed for one: then again. */
async function failAtOnce(scene: Scene, of: VendorName, how: Failing): Promise<void> {
  for (;;) {
    scene.vendors.servers[of].behave(how);
    const start = performance.now();
    await send(scene, of);
    if (performance.now() - start < TIMEOUT_MS) return;
    await sendWell(scene, of);
  }
}

export async function failInTurn(scene: Scene, of: VendorName, failing: readonly Failing[]): Promise<void> {
  for (const [index, how] of failing.entries()) {
    await failAtOnce(scene, of, how);
    if (index % 3 === 2) await sendWell(scene, of);
  }
  await sendWell(scene, of);
}

/** `places`: a code in each place where it may come, or in one, which are in turn those that there are. */
export async function failEveryWay(scene: Scene, places: 'each' | 'one'): Promise<void> {
  const each = async (name: VendorName) => {
    const refusals = REFUSALS[name].flatMap((all, index) => {
      return places === 'each' ? all : all.slice(index % all.length, (index % all.length) + 1);
    });
    await failInTurn(scene, name, [...refusals, ...FAULTS]);
    await beSilent(scene, name);
  };
  await Promise.all(VENDOR_NAMES.map(each));
}

/** All at once, since each takes until its time-out. */
async function beSilent(scene: Scene, of: VendorName): Promise<void> {
  const server = scene.vendors.servers[of];
  const sends: Promise<unknown>[] = [];
  for (const how of SILENCES) {
    const before = server.requests.length;
    server.behave(how);
    sends.push(send(scene, of));
    await eventually(`${of} has the message`, () => server.requests.length > before, { everyMs: 2 });
  }
  await Promise.all(sends);
  await sendWell(scene, of);
}

/** Outages of one vendor and of two, a refusal after a doubt, two doubts. */
export async function failOver(scene: Scene): Promise<void> {
  const { tencent, twilio, webhook } = scene.vendors.servers;
  const rows: [Failing | null, Failing | null, Failing | null][] = [
    [tencentError('FailedOperation.ContainSensitiveWord'), null, null],
    [tencentError('InternalError.Timeout'), null, null],
    [tencentError('InternalError.Timeout'), { do: 'reset_after' }, null],
    [tencentError('InternalError.Timeout'), twilioError(21211), null],
    [tencentError('InvalidParameterValue.IncorrectPhoneNumber'), null, null],
    [tencentError('AuthFailure.SignatureFailure'), twilioError(20003, 401), { do: 'reset_after' }],
    [
      tencentError('AuthFailure.SignatureFailure'),
      twilioError(20003, 401),
      gatewayAnswer(422, { category: 'blocked' }),
    ],
  ];
  for (const [first, second, third] of rows) {
    tencent.behave(first);
    twilio.behave(second);
    webhook.behave(third);
    await send(scene, 'all');
    for (const name of VENDOR_NAMES) await sendWell(scene, name);
  }
}

/** Approvals that cannot be told to the vendor. */
export async function failConversions(scene: Scene): Promise<void> {
  const { service, vendors } = scene;
  const errors = {
    tencent: tencentError('UnauthorizedOperation'),
    twilio: twilioError(20404, 404),
    'twilio-verify': twilioError(20404, 404),
  };
  for (const name of VENDOR_NAMES) {
    const own = name === 'webhook' ? gatewayAnswer(500, {}) : errors[name];
    const hows: readonly Failing[] = [own, { do: 'reset_after' }, { do: 'answer', body: VENDOR_TEXT }, { do: 'hang' }];
    for (const how of hows) {
      const { phone, verificationId } = await sendWell(scene, name);
      const server = vendors.servers[name];
      server.behave(how);
      const before = conversionsAt(server);
      const request = { verificationId, purpose: 'login', code: vendors.codeTo(phone) };
      const { result } = ok(await service.call(checkCode, request, PATIENT));
      if (result !== CheckResult.APPROVED) throw new Error('a right code was not approved');
      // Nobody waits for it.
      await eventually(`${name} was told`, () => conversionsAt(server) > before, { everyMs: 2 });
    }
    const failed = new RegExp(`^countersign_conversions_total\\{provider="${name}",ok="false"\\} [2-9]`, 'm');
    await eventually(`${name} was told in vain`, async () => failed.test(await service.metrics()));
    await sendWell(scene, name);
  }
}

function conversionsAt({ requests }: VendorServer): number {
  return requests.filter(({ path, headers, body }) => {
    return path.endsWith('/Feedback.json') || headers['x-tc-action'] === 'ReportConversion' || /approved/.test(body);
  }).length;
}

/** Reports that are fetched, and cannot be. */
export async function failPulls({ service, vendors, secret }: Scene): Promise<void> {
  const phone = vendors.phone('tencent');
  secret('phone of a pulled report', phone);
  const report = {
    UserReceiveTime: 1_800_000_000,
    CountryCode: '86',
    SubscriberNumber: phone.slice(3),
    PhoneNumber: phone,
    ReportStatus: 'FAIL',
    Description: `${VENDOR_TEXT} ${phone}`,
  };
  const { tencent } = vendors;
  tencent.statuses.push(
    { ...report, SerialNo: '5000:1', SessionContext: '' },
    { ...report, SerialNo: '5000:2', SessionContext: phone.slice(1), Description: 'UNDELIV' },
    { ...report, SerialNo: phone, ReportStatus: VENDOR_TEXT },
  );
  await eventually('the reports were fetched', () => tencent.statuses.length === 0);
  tencent.server.behave(tencentError('UnauthorizedOperation.RequestPermissionDeny'));
  const failed = /^countersign_report_failures_total\{provider="tencent"\} [1-9]/m;
  await eventually('a pull failed', async () => failed.test(await service.metrics()));
  tencent.server.behave(null);
}

/** Reports that are asked for, and are odd, or refused with a text that quotes all. */
export async function failPolls(scene: Scene): Promise<void> {
  const { service, vendors } = scene;
  const { phone } = await sendWell(scene, 'twilio-verify');
  const { attemptSid } = vendors.verify.messages.at(-1) ?? { attemptSid: '' };
  const reported = /^countersign_delivery_reports_total\{provider="twilio-verify"/m;
  vendors.verify.settle(attemptSid, { status: 'failed', errorCode: `${VENDOR_TEXT} ${phone}` });
  await eventually('the report was fetched', async () => reported.test(await service.metrics()));
  vendors.verify.settle(attemptSid, { status: `${VENDOR_TEXT} ${phone}` });
  vendors.verify.behave(twilioError(20429, 429));
  const failed = /^countersign_report_failures_total\{provider="twilio-verify"\} [1-9]/m;
  await eventually('a poll failed', async () => failed.test(await service.metrics()));
  vendors.verify.behave(null);
}

/** The store goes away while a vendor has the message, and is away for what comes next. */
export async function loseTheStore(scene: Scene, whileAway: () => Promise<void>): Promise<void> {
  const { service, vendors } = scene;
  const known = await sendWell(scene, 'twilio');
  vendors.webhook.behave(() => {
    service.cut();
    return json(200, { message_id: 'gw-lost', segments: 1 });
  });
  await send(scene, 'webhook');
  await send(scene, 'twilio');
  const request = { verificationId: known.verificationId, purpose: 'login' };
  await service.call(checkCode, { ...request, code: vendors.codeTo(known.phone) }, HURRIED);
  await service.call(getVerification, request, HURRIED);
  await whileAway();
  await service.connect();
  vendors.webhook.behave(null);
  await eventually('the store is used again', async () => (await send(scene, 'twilio')).answer.status === 'OK');
}

/** Last: afterwards no vendor is asked for a while. */
export async function openBreakers(scene: Scene): Promise<void> {
  for (const name of VENDOR_NAMES) {
    const how = DOWN[name][0] ?? twilioError(20500, 500);
    scene.vendors.servers[name].behave(how);
    for (let times = 0; times < 7; times++) await send(scene, name);
  }
  await send(scene, 'all');
  const metrics = await scene.service.metrics();
  const open = [...metrics.matchAll(/^countersign_provider_breaker_open\{.*\} 1$/gm)];
  if (open.length !== VENDOR_NAMES.length) throw new Error(`not every breaker is open: ${open}`);
}
