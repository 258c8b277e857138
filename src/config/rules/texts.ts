/** Rules about what messages say and what they ask requests for. */
import { missingVariables } from '../../domain/message.ts';
import { MAX_VARIABLES } from '../../domain/variables.ts';
import { templateVariables } from '../../sms/tencent/template-choice.ts';
import { messagePolicy } from '../policies.ts';
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
    const { purposes = {}, tencent } = situation.settings;
    if (tencent === undefined) return {};
    const routes = routesIn(situation);
    const excessive = Object.entries(purposes).filter(([name, purpose]) => {
      const required = templateVariables(tencent, routes, name);
      const policy = messagePolicy(purpose, required);
      // Any language that nobody worded, for the text of `*`.
      const locales = ['und', ...Object.keys(purpose.texts)];
      return required.length > 0 && locales.some((each) => missingVariables(policy, each, {}).length > MAX_VARIABLES);
    });
    const problem = `asks for more than the ${MAX_VARIABLES} variables a request can have, with those of Tencent’s templates`;
    return { mistakes: excessive.map(([name]) => at(situation, ['purposes', name], problem)) };
  },
];
