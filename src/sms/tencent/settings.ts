/** Tencent Cloud SMS: what the rest of the program must know about it. */
import { vendor } from '../vendor.ts';
import { RULES } from './rules.ts';
import { schema } from './schema.ts';
import { hasTemplate, templateVariables } from './templates.ts';

export const tencent = vendor({
  name: 'tencent',
  title: 'Tencent',
  schema,
  usedWith: ['secretId', 'secretKey', 'sdkAppId', 'signName', 'templateId', 'internationalTemplateId', 'templates'],
  required: ['secretId', 'secretKey', 'sdkAppId'],
  senderFields: ['signName', 'templateId', 'internationalTemplateId', 'senderId'],
  defaultRank: { mainland: 1, international: 2 },
  carries: hasTemplate,
  variables: templateVariables,
  variableCharacters: ({ parameterCharacters }) => parameterCharacters,
  rules: RULES,
  pollSeconds: ({ pullSeconds }) => pullSeconds,
  async open(settings, { now, brand, failOverBlocked, callbackUrl }) {
    const { callbackToken, callbackAddresses, pullSeconds, ...rest } = settings;
    const { createTencentProvider } = await import('./provider.ts');
    const reported = callbackUrl !== undefined && callbackToken !== undefined;
    return createTencentProvider({
      ...rest,
      brand,
      failOverBlocked,
      poll: pullSeconds > 0,
      ...(reported && { callback: { path: `/${callbackToken}`, addresses: callbackAddresses } }),
      now,
    });
  },
});
