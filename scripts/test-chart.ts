/**
 * Lints and renders helm/countersign with the real helm, with the default values and with each of ci/*-values.yaml,
 * looks at what comes out, and loads it as the service would. Ends with `N passed, N failed`; without helm it says so and passes nothing.
 */
import { strict as assert } from 'node:assert';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { findHelm } from './helm.ts';
import { run } from './run.ts';

const CHART = 'helm/countersign';

/** Rendered manifests by kind; those for delivery reports as `Service/callbacks`. */
type Manifests = Readonly<Record<string, unknown>>;
/** What must stand where: the path begins with the kind; elements of lists are addressed by their `name` or index. */
type Expected = Readonly<Record<string, unknown>>;

const POD = 'Deployment.spec.template.spec';
const CONTAINER = `${POD}.containers.countersign`;
const ABSENT = undefined;

const INSTANCE = { 'app.kubernetes.io/name': 'countersign', 'app.kubernetes.io/instance': 'release' };

/** Holds whatever the values are. */
const ALWAYS: Expected = {
  [`${POD}.automountServiceAccountToken`]: false,
  [`${POD}.securityContext.runAsNonRoot`]: true,
  [`${POD}.securityContext.seccompProfile.type`]: 'RuntimeDefault',
  [`${CONTAINER}.securityContext.readOnlyRootFilesystem`]: true,
  [`${CONTAINER}.securityContext.allowPrivilegeEscalation`]: false,
  [`${CONTAINER}.securityContext.capabilities.drop`]: ['ALL'],
  [`${CONTAINER}.startupProbe.httpGet`]: { path: '/livez', port: 'ops' },
  [`${CONTAINER}.livenessProbe.httpGet`]: { path: '/livez', port: 'ops' },
  [`${CONTAINER}.readinessProbe.httpGet`]: { path: '/readyz', port: 'ops' },
  [`${CONTAINER}.lifecycle.preStop.exec.command`]: ['sleep', '5'],
  [`${POD}.terminationGracePeriodSeconds`]: 40,
  [`${CONTAINER}.resources.limits.memory`]: '512Mi',
  'Service.spec.selector': { ...INSTANCE },
  // Secrets come from existingSecret, never from values.
  Secret: ABSENT,
};

const EXPECTED: Readonly<Record<string, Expected>> = {
  defaults: {
    [`${CONTAINER}.env.NODE_ENV.value`]: 'production',
    [`${CONTAINER}.envFrom.0.secretRef.name`]: 'countersign',
    [`${POD}.topologySpreadConstraints.1.topologyKey`]: 'topology.kubernetes.io/zone',
    'Service.spec.ports.grpc.port': 50051,
    'Service.spec.ports.http.port': 8080,
    'Service.spec.ports.ops': ABSENT,
    [`${CONTAINER}.ports.callbacks`]: ABSENT,
    [`${CONTAINER}.env.CALLBACK_PUBLIC_URL`]: ABSENT,
    'Service/callbacks': ABSENT,
    'Ingress/callbacks': ABSENT,
    'PodDisruptionBudget.spec.maxUnavailable': 1,
    ConfigMap: ABSENT,
    NetworkPolicy: ABSENT,
    ServiceAccount: ABSENT,
  },
  'callbacks-values.yaml': {
    [`${CONTAINER}.env.CALLBACK_PUBLIC_URL.value`]: 'https://sms.example.com/reports',
    [`${CONTAINER}.env.CALLBACK_LISTEN.value`]: '0.0.0.0:8090',
    [`${CONTAINER}.env.CALLBACK_TRUSTED_PROXIES.value`]: '1',
    [`${CONTAINER}.ports.callbacks.containerPort`]: 8090,
    // Strangers reach a Service that leads to no other port.
    'Service/callbacks.spec.ports': [{ name: 'callbacks', port: 80, targetPort: 'callbacks', appProtocol: 'http' }],
    'Service/callbacks.spec.selector': { ...INSTANCE },
    'Service.spec.ports.callbacks': ABSENT,
    'Ingress/callbacks.spec.ingressClassName': 'nginx',
    'Ingress/callbacks.spec.tls': [{ hosts: ['sms.example.com'], secretName: 'sms-example-com' }],
    'Ingress/callbacks.spec.rules.0.host': 'sms.example.com',
    'Ingress/callbacks.spec.rules.0.http.paths.0.path': '/reports',
    'Ingress/callbacks.spec.rules.0.http.paths.0.backend.service.name': 'release-countersign-callbacks',
    'NetworkPolicy.spec.ingress.1': {
      ports: [{ port: 'callbacks' }],
      from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }],
    },
    'NetworkPolicy.spec.ingress.2': ABSENT,
  },
  'development-values.yaml': {
    [`${CONTAINER}.env.NODE_ENV.value`]: 'development',
    'Service.spec.ports.ops.port': 9090,
    PodDisruptionBudget: ABSENT,
  },
  'headless-values.yaml': {
    'Service.spec.clusterIP': 'None',
    'Deployment.metadata.name': 'otp',
    [`${CONTAINER}.env.GRPC_LISTEN.value`]: '[::]:50051',
    [`${POD}.topologySpreadConstraints.0.whenUnsatisfiable`]: 'DoNotSchedule',
    [`${POD}.topologySpreadConstraints.1`]: ABSENT,
  },
  'production-values.yaml': {
    [`${CONTAINER}.image`]:
      'images.example.com/security/countersign@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    [`${CONTAINER}.envFrom.0.secretRef.name`]: 'countersign-production',
    [`${CONTAINER}.env.COUNTERSIGN_CONFIG.value`]: '/etc/countersign/countersign.yaml',
    [`${CONTAINER}.volumeMounts.config.mountPath`]: '/etc/countersign',
    [`${POD}.volumes.config.configMap.name`]: 'release-countersign',
    [`${POD}.serviceAccountName`]: 'release-countersign',
    'ConfigMap.data': {
      'countersign.yaml':
        'limits:\n  resendIntervalSeconds: 90\npurposes:\n  login: {}\n  payment:\n    digits: 8\n    guesses: 3\n' +
        'routes:\n- countries:\n  - CN\n  providers:\n  - webhook\n- providers:\n  - twilio\n  - webhook\n' +
        'twilio:\n  accountSid: AC00000000000000000000000000000000\n' +
        '  messagingServiceSid: MG00000000000000000000000000000000\nwebhook:\n  url: https://gateway.example.com/sms\n',
    },
    'ServiceAccount.metadata.name': 'release-countersign',
    'NetworkPolicy.spec.policyTypes': ['Ingress', 'Egress'],
    'NetworkPolicy.spec.ingress.2': ABSENT,
    'NetworkPolicy.spec.egress.1.ports.0.port': 6379,
  },
};

/** Of the gateways that the values name. */
const WEBHOOK_SECRETS: Readonly<Record<string, string>> = {
  'production-values.yaml': 'a secret of the gateway, 24 bytes or more',
};

/** Values that the schema must refuse: a typing error has to fail before it is installed. */
const REFUSED = [
  'replicas=3',
  'service.grpcPort=0',
  'mode=staging',
  'existingSecret=',
  'image.digest=latest',
  'config.codes.digits=9',
  'config.secret.current=in-the-clear',
  'config.twilio.authToken=in-the-clear',
  'config.callbacks.publicUrl=https://sms.example.com',
  'callbacks.publicUrl=http://sms.example.com',
];

function at(manifests: Manifests, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value.find((element) => element?.name === key) ?? value[Number(key)];
    return (value as Manifests | undefined)?.[key];
  }, manifests);
}

async function render(helm: string, args: readonly string[]): Promise<Manifests> {
  const { code, output } = await run([helm, 'template', 'release', CHART, ...args]);
  assert.equal(code, 0, output);
  const manifests: { kind: string; metadata: { name: string } }[] = parseAllDocuments(output).flatMap(
    (document) => document.toJS() ?? [],
  );
  return Object.fromEntries(
    manifests.map((manifest) => {
      const { kind, metadata } = manifest;
      return [metadata.name.endsWith('-callbacks') ? `${kind}/callbacks` : kind, manifest];
    }),
  );
}

/** What a pod of these manifests would be configured with, the Secret of the chart's notes included. */
function environmentOf(manifests: Manifests): { env: Record<string, string>; file: string | undefined } {
  const listed = at(manifests, `${CONTAINER}.env`) as { name: string; value: string }[];
  const notes = readFileSync(`${CHART}/templates/NOTES.txt`, 'utf8');
  const secret = [...notes.matchAll(/--from-literal=(\w+)=(?:'(.*?)'|"(.*)")/g)].map(([, key = '', plain, shell]) => {
    return [key, plain?.replace('AC...', 'AC00').replace('+1...', '+15005550006') ?? SHELL[key] ?? shell ?? ''];
  });
  const file = at(manifests, 'ConfigMap.data') as { 'countersign.yaml': string } | undefined;
  return {
    env: { ...Object.fromEntries(secret), ...Object.fromEntries(listed.map(({ name, value }) => [name, value])) },
    file: file?.['countersign.yaml'],
  };
}

/** What the shell makes of the notes' substitutions. */
const SHELL: Readonly<Record<string, string>> = {
  COUNTERSIGN_SECRET: 'c2VjcmV0IG9mIHRoaXMgdGVzdCwgMzIgYnl0ZXMgb3IgbW9yZQ==',
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${'ab'.repeat(32)}]}}`,
};

const tally = { passed: 0, failed: 0 };
async function test(name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
    tally.passed++;
    process.stdout.write(`ok   ${name}\n`);
  } catch (error) {
    tally.failed++;
    process.stdout.write(`FAIL ${name}\n${error instanceof Error ? error.message : error}\n`);
  }
}

const found = await findHelm();
if ('missing' in found) {
  process.stdout.write(`chart: not tested: ${found.missing}\n`);
} else {
  const { helm } = found;
  for (const file of [null, ...globSync(`${CHART}/ci/*-values.yaml`).sort()]) {
    const name = file === null ? 'defaults' : basename(file);
    const args = file === null ? [] : ['--values', file];
    await test(`lint with ${name}`, async () => {
      const { code, output } = await run([helm, 'lint', '--strict', CHART, ...args]);
      assert.equal(code, 0, output);
    });
    await test(`render with ${name}`, async () => {
      const manifests = await render(helm, args);
      assert.ok(EXPECTED[name], `EXPECTED does not say what ${name} comes to`);
      for (const [path, value] of Object.entries({ ...ALWAYS, ...EXPECTED[name] })) {
        assert.deepEqual(at(manifests, path), value, `${path} is ${JSON.stringify(at(manifests, path))}`);
      }
    });
    await test(`what the notes say is enough for ${name}`, async () => {
      const { env, file: settings = '' } = environmentOf(await render(helm, args));
      // The gateway's secret is its owner's; the notes have Twilio's.
      const config = loadConfig({ SMS_WEBHOOK_SECRET: WEBHOOK_SECRETS[name], ...env }, () => settings);
      assert.equal(config.mode, env.NODE_ENV);
    });
  }
  for (const value of REFUSED) {
    await test(`refuse ${value}`, async () => {
      const { code, output } = await run([helm, 'template', 'release', CHART, '--set', value]);
      assert.notEqual(code, 0);
      assert.match(output, /schema/);
    });
  }
}
process.stdout.write(`${tally.passed} passed, ${tally.failed} failed\n`);
process.exitCode = tally.failed === 0 ? 0 : 1;
