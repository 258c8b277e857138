/** Rules about what messages say and what they ask requests for. */
import { missingVariables } from '../../domain/message.ts';
import { MAX_VARIABLES } from '../../domain/variables.ts';
import { VENDORS } from '../../sms/vendors.ts';
import { messagePolicy, requiredVariables } from '../policies.ts';
import { checkTexts } from './messages.ts';
import { routesIn } from './routes.ts';
import { at, type Rule } from './rule.ts';

export const TEXT_RULES: readonly Rule[] = [
  function textsCanBeSent(situation) {
    const { purposes, codes, sms } = situation.settings;
    if (purposes === undefined || sms === undefined) return {};
    const found = checkTexts({
      brand: sms.brand,
      purposes: Object.entries(purposes).map(([name, purpose]) => ({
        name,
        digits: purpose.digits ?? codes?.digits ?? 6,
        minutes: Math.floor((purpose.expirySeconds ?? (codes?.expiryMinutes ?? 5) * 60) / 60),
        message: purpose,
      })),
    });
    return {
      mistakes: found.mistakes.map(({ path, problem }) => at(situation, path, problem)),
      warnings: [...found.warnings],
    };
  },

  function requestsCanFillTemplates(situation) {
    const { purposes = {} } = situation.settings;
    const routes = routesIn(situation);
    const mistakes = VENDORS.flatMap((vendor) => {
      const section = situation.settings[vendor.name];
      if (section === undefined) return [];
      const excessive = Object.entries(purposes).filter(([name, purpose]) => {
        const required = vendor.variables(section, routes, name);
        const policy = messagePolicy(purpose, requiredVariables(situation.settings, routes, name));
        // Any language without a text of its own, for the text of `*`.
        const locales = ['und', ...Object.keys(purpose.texts)];
        return required.length > 0 && locales.some((each) => missingVariables(policy, each, {}).length > MAX_VARIABLES);
      });
      const what = `the ${MAX_VARIABLES} variables a request can have, with those of ${vendor.title}’s templates`;
      return excessive.map(([name]) => at(situation, ['purposes', name], `asks for more than ${what}`));
    });
    return { mistakes };
  },
];
