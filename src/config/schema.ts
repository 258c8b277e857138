/**
 * Every setting there is: its place in the YAML file, its environment variable, its default and what it means.
 * The table of settings in docs/configuration.md and the chart's values schema are generated from this file.
 */
import { z } from 'zod';
import { isRegion } from '../domain/phone.ts';
import { VENDOR_SCHEMAS } from '../sms/vendors.ts';
import { isAddress } from './address.ts';
import { admission, callbacks, caller, connections, purpose, routes, testNumbers, windows } from './sections.ts';
import { name, text, whole } from './values.ts';

declare module 'zod' {
  interface GlobalMeta {
    /** The environment variable that sets it; it wins over the file. */
    env?: string;
    /** Masked wherever the configuration is shown, and refused in the file. `inside`: only where it has a password. */
    secret?: true | 'inside';
  }
}

const listen = () => z.string().refine(isAddress, 'must be host:port, IPv6 hosts in brackets ("[::1]:8080")');
const secret = () =>
  z
    .string()
    .refine((value) => value.trim() === value, 'starts or ends with white space')
    .refine((value) => secretBytes(value) >= 32, {
      error: ({ input }) =>
        `must have at least 32 bytes${isHex(String(input)) ? ', and two hexadecimal digits count as one' : ''} (try: openssl rand -base64 32)`,
    });

const isHex = (value: string) => /^[0-9a-f]+$/i.test(value);

/** The length of a secret in bytes. A text of hexadecimal digits counts half: two digits stand for one byte. */
function secretBytes(value: string): number {
  return isHex(value) ? value.length / 2 : Buffer.byteLength(value);
}

function isRedisUrls(value: string): boolean {
  return value.split(',').every((part) => {
    const url = URL.parse(part.trim());
    if (url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') return false;
    // The Redis client would read options from the query, and prefer them to the safe ones that we set.
    return url.hostname !== '' && url.search === '';
  });
}

/** The schema of one mode: some defaults are tighter in production. */
export function settingsSchema(production: boolean) {
  const host = production ? '0.0.0.0' : '127.0.0.1';
  return z.strictObject({
    mode: z.enum(['production', 'development', 'test']).default('development').meta({
      env: 'NODE_ENV',
      description: '`production` refuses every unsafe setting at start. `test` behaves as `development`.',
    }),
    listen: z
      .strictObject({
        grpc: listen()
          .default(`${host}:50051`)
          .meta({ env: 'GRPC_LISTEN', description: 'Address of the gRPC listener.' }),
        http: listen().default(`${host}:8080`).meta({
          env: 'HTTP_LISTEN',
          description: 'Address of the listener for Connect, JSON and gRPC-Web.',
        }),
        ops: listen().default(`${host}:9090`).meta({
          env: 'OPS_LISTEN',
          description: 'Address of the listener for `/livez`, `/readyz` and `/metrics`.',
        }),
        callbacks: listen().default(`${host}:8090`).meta({
          env: 'CALLBACK_LISTEN',
          description: 'Address of the listener for delivery reports; off unless `CALLBACK_PUBLIC_URL` is set.',
        }),
      })
      .prefault({}),
    connections,
    admission,
    reflection: z.boolean().default(!production).meta({
      env: 'REFLECTION',
      description: 'Whether the gRPC port answers server reflection.',
    }),
    secret: z
      .strictObject({
        current: secret().optional().meta({
          env: 'COUNTERSIGN_SECRET',
          secret: true,
          description:
            'The root secret from which every key is derived: the text as it is, at least 32 bytes, or 64 where all are hexadecimal digits (`openssl rand -base64 32`). Made up at every start when unset, in development only.',
        }),
        previous: secret().optional().meta({
          env: 'COUNTERSIGN_SECRET_PREVIOUS',
          secret: true,
          description: 'The root secret before the last rotation, accepted beside the current one.',
        }),
      })
      .prefault({})
      .refine((keys) => keys.previous === undefined || keys.current !== undefined, {
        path: ['previous'],
        error: 'needs COUNTERSIGN_SECRET beside it',
      })
      .refine((keys) => keys.previous === undefined || keys.previous !== keys.current, {
        path: ['previous'],
        error: 'is the same as COUNTERSIGN_SECRET',
      }),
    redis: z
      .strictObject({
        url: z
          .string()
          .refine(isRedisUrls, 'must be redis:// or rediss:// URLs without a query, separated by commas')
          .optional()
          .meta({
            env: 'REDIS_URL',
            secret: 'inside',
            description:
              '`redis://` or `rediss://` URL; several, separated by commas, are the seeds of a Cluster. In memory when unset, in development only.',
          }),
        cluster: z.boolean().default(false).meta({ env: 'REDIS_CLUSTER', description: 'Whether Redis is a Cluster.' }),
        username: text(256).optional().meta({ env: 'REDIS_USERNAME', description: 'ACL user; wins over the URL.' }),
        password: text(1024).optional().meta({
          env: 'REDIS_PASSWORD',
          secret: true,
          description: 'Password; wins over the URL.',
        }),
        caFile: text(4096).optional().meta({
          env: 'REDIS_CA_FILE',
          description: 'PEM file of the authority behind `rediss://` servers; the system’s authorities when unset.',
        }),
        keyPrefix: z
          .string()
          .regex(/^[A-Za-z0-9_.:-]{1,32}$/, 'must be 1 to 32 letters, digits and _ . : -')
          .default('cs')
          .meta({ env: 'REDIS_KEY_PREFIX', description: 'First part of every key.' }),
        commandTimeoutMs: whole(10, 5000).default(400).meta({
          env: 'REDIS_COMMAND_TIMEOUT_MS',
          description: 'After how many milliseconds an unanswered command counts as lost.',
        }),
      })
      .prefault({}),
    callers: z.record(name(), caller).default({}).meta({
      env: 'COUNTERSIGN_CALLERS',
      description:
        'Who may call, by name. In the environment the same as YAML or JSON: `{auth: {tokens: [<SHA-256>], purposes: [login]}}`. Required in production and on every address that is not loopback.',
    }),
    codes: z
      .strictObject({
        digits: whole(4, 8).default(6).meta({ env: 'SMS_CODE_DIGITS', description: 'Digits of a code.' }),
        expiryMinutes: whole(1, 10).default(5).meta({
          env: 'SMS_CODE_EXPIRY_MINUTES',
          description: 'Life of a code in minutes.',
        }),
      })
      .prefault({}),
    purposes: z
      .record(name(), purpose)
      .refine((purposes) => Object.keys(purposes).length > 0, 'at least one purpose must remain')
      .prefault({ register: {}, login: {}, reset_password: {} })
      .meta({ description: 'What codes are for, by name. A list here replaces the default one.' }),
    limits: z
      .strictObject({
        resendIntervalSeconds: whole(0, 3600).default(60).meta({
          env: 'SMS_RESEND_INTERVAL_SECONDS',
          description: 'Pause between two SMS to one phone; it grows to 2, 5 and 10 times this.',
        }),
        windows: windows.prefault({}).meta({
          description:
            'Sliding windows over the SMS to one phone, all callers and purposes together, by name. More may be added; `null` removes one.',
        }),
      })
      .prefault({}),
    phones: z
      .strictObject({
        defaultRegion: z
          .string()
          .refine(isRegion, 'must be an ISO 3166-1 region with a numbering plan, for example US')
          .default('US')
          .meta({ env: 'DEFAULT_REGION', description: 'Region of phone numbers in national spelling.' }),
        refuseLandline: z.boolean().default(false).meta({
          env: 'SMS_REFUSE_LANDLINE',
          description: 'Refuse numbers that are surely landlines.',
        }),
        refuseVoip: z.boolean().default(false).meta({ env: 'SMS_REFUSE_VOIP', description: 'Refuse VoIP numbers.' }),
      })
      .prefault({}),
    sms: z
      .strictObject({
        brand: z
          .string()
          .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,32}$/u, 'must be 1 to 32 printable characters')
          .default('Countersign')
          .meta({ env: 'SMS_BRAND', description: 'Who the SMS is from, in its text. Required in production.' }),
        mockMode: z.boolean().optional().meta({
          env: 'SMS_MOCK_MODE',
          description: 'Print messages instead of sending them. On in development, refused in production.',
        }),
        failOverBlocked: z.boolean().default(false).meta({
          env: 'SMS_FAIL_OVER_BLOCKED',
          description:
            'Try the next provider when one says that the recipient opted out or is barred. Ask your lawyer first.',
        }),
        testNumbersInProduction: z.boolean().default(false).meta({
          env: 'SMS_TEST_NUMBERS_IN_PRODUCTION',
          description: 'Allow `testNumbers` in production, where whoever knows them signs in without a phone.',
        }),
      })
      .prefault({}),
    ...VENDOR_SCHEMAS,
    routes,
    callbacks,
    testNumbers,
    log: z
      .strictObject({
        level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').meta({
          env: 'LOG_LEVEL',
          description: 'The least severe level that is logged.',
        }),
        format: z
          .enum(['json', 'pretty'])
          .default(production ? 'json' : 'pretty')
          .meta({
            env: 'LOG_FORMAT',
            description: 'One JSON object a line, or lines for people.',
          }),
      })
      .prefault({}),
  });
}

/** Built once: building a schema takes longer than using it. */
export const DEVELOPMENT = settingsSchema(false);

export type SettingsSchema = ReturnType<typeof settingsSchema>;
export type Settings = z.output<SettingsSchema>;

/** The effective configuration: the shape of the file, with every default filled in. Frozen. */
export type Config = DeepReadonly<
  Omit<Settings, 'purposes' | 'sms'> & {
    purposes: Record<string, Complete<Settings['purposes'][string]>>;
    sms: Complete<Settings['sms']>;
    /** Settings that work, but probably not as intended: logged at start. */
    warnings: string[];
  }
>;

type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
