/**
 * Languages that the GSM-7 alphabet can spell: 160 characters a segment. It has à è é ì ò ù ä ö ü ñ ß, but not á í ó ú
 * ã õ â ê ç. One letter outside it halves the room, so Spanish and Portuguese say "PIN" and not "código", and nothing is
 * misspelt.
 */
import type { Wording } from './wording.ts';

export const ENGLISH: Wording = {
  uses: { register: 'sign-up', login: 'login', reset_password: 'password reset', other: 'verification' },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} is your ${use} code. It expires in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}. ` +
    'Do not share it with anyone.',
};

export const SPANISH: Wording = {
  uses: {
    register: ' para crear tu cuenta',
    login: ' para entrar',
    reset_password: ' para cambiar tu contraseña',
    other: '',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} es tu PIN temporal${use}. Caduca en ${minutes} ${minutes === 1 ? 'minuto' : 'minutos'}. ` +
    'No lo compartas con nadie.',
};

export const FRENCH: Wording = {
  uses: {
    register: "d'inscription",
    login: 'de connexion',
    reset_password: 'pour changer de mot de passe',
    other: 'de vérification',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand} : ${code} est votre code ${use}. Il expire dans ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}. ` +
    'Ne le communiquez à personne.',
};

export const GERMAN: Wording = {
  uses: {
    register: 'Registrierungscode',
    login: 'Anmeldecode',
    reset_password: 'Code für ein neues Passwort',
    other: 'Bestätigungscode',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} ist Ihr ${use}. Er ist ${minutes} ${minutes === 1 ? 'Minute' : 'Minuten'} gültig. ` +
    'Geben Sie ihn an niemanden weiter.',
};

/** Brazil's. */
export const PORTUGUESE: Wording = {
  uses: {
    register: 'criar a sua conta',
    login: 'entrar',
    reset_password: 'redefinir a sua senha',
    other: 'confirmar a sua identidade',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: use o PIN ${code} para ${use}. Ele vale por ${minutes} ${minutes === 1 ? 'minuto' : 'minutos'}. ` +
    'Nunca o revele a ninguém.',
};

/** Portugal's: a password is a "palavra-passe" there. */
export const EUROPEAN_PORTUGUESE: Wording = {
  uses: {
    register: 'criar a sua conta',
    login: 'entrar',
    reset_password: 'alterar a sua palavra-passe',
    other: 'confirmar a sua identidade',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: utilize o PIN ${code} para ${use}. Expira dentro de ${minutes} ${minutes === 1 ? 'minuto' : 'minutos'}. ` +
    'Nunca o revele a ninguém.',
};

export const ITALIAN: Wording = {
  uses: {
    register: 'di registrazione',
    login: 'di accesso',
    reset_password: 'per reimpostare la password',
    other: 'di verifica',
  },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} è il tuo codice ${use}. Scade tra ${minutes} ${minutes === 1 ? 'minuto' : 'minuti'}. ` +
    'Non condividerlo con nessuno.',
};

export const INDONESIAN: Wording = {
  uses: { register: 'pendaftaran', login: 'masuk', reset_password: 'atur ulang kata sandi', other: 'verifikasi' },
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} adalah kode ${use} Anda. Berlaku ${minutes} menit. Jangan berikan kepada siapa pun.`,
};
