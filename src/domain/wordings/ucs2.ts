/** Languages that need UCS-2: 70 characters a segment, brand and code included. */
import type { Wording } from './wording.ts';

export const SIMPLIFIED_CHINESE: Wording = {
  uses: { register: '注册', login: '登录', reset_password: '重置密码', other: '' },
  text: ({ brand, code, minutes }, use) =>
    `【${brand}】您的${use}验证码是 ${code}，${minutes} 分钟内有效。请勿告诉任何人。`,
};

export const TRADITIONAL_CHINESE: Wording = {
  uses: { register: '註冊', login: '登入', reset_password: '重設密碼', other: '' },
  text: ({ brand, code, minutes }, use) =>
    `【${brand}】您的${use}驗證碼是 ${code}，${minutes} 分鐘內有效。請勿告訴任何人。`,
};

export const JAPANESE: Wording = {
  uses: { register: '登録用', login: 'ログイン用', reset_password: 'パスワード再設定用', other: '' },
  text: ({ brand, code, minutes }, use) =>
    `【${brand}】${use}認証コードは ${code} です。${minutes}分間有効です。誰にも教えないでください。`,
};

export const KOREAN: Wording = {
  uses: { register: '회원가입 ', login: '로그인 ', reset_password: '비밀번호 재설정 ', other: '' },
  text: ({ brand, code, minutes }, use) =>
    `[${brand}] ${use}인증번호: ${code}. ${minutes}분간 유효합니다. 누구에게도 알려주지 마세요.`,
};

/** No danda after the code: it looks like a 1. */
export const HINDI: Wording = {
  uses: { register: 'साइन-अप', login: 'लॉगिन', reset_password: 'पासवर्ड रीसेट', other: 'सत्यापन' },
  text: ({ brand, code, minutes }, use) => `${brand}: ${code} ${use} कोड है। ${minutes} मिनट तक वैध। साझा न करें।`,
};

/**
 * Opens with an Arabic word, so that the paragraph runs from right to left, and has one between brand and code, so that
 * neither moves into the other. The digits are ASCII: what is copied is what was sent.
 */
export const ARABIC: Wording = {
  uses: { register: 'التسجيل في', login: 'الدخول إلى', reset_password: 'تغيير كلمة مرور', other: 'التحقق من' },
  text: ({ brand, code, minutes }, use) => `رمز ${use} ${brand} هو ${code}. صالح ${arabicMinutes(minutes)}. لا تشاركه.`,
};

/** The singular and the dual are words of their own; 3 to 10 take the plural. */
function arabicMinutes(minutes: number): string {
  if (minutes === 1) return 'دقيقة واحدة';
  return minutes === 2 ? 'دقيقتين' : `${minutes} دقائق`;
}

export const TURKISH: Wording = {
  uses: { register: 'kayıt', login: 'giriş', reset_password: 'şifre sıfırlama', other: 'doğrulama' },
  text: ({ brand, code, minutes }, use) => `${brand}: ${use} kodu: ${code}. ${minutes} dk geçerli. Paylaşmayın.`,
};

export const VIETNAMESE: Wording = {
  uses: { register: 'đăng ký', login: 'đăng nhập', reset_password: 'đổi mật khẩu', other: 'xác minh' },
  text: ({ brand, code, minutes }, use) => `${brand}: mã ${use} ${code}. Hiệu lực ${minutes} phút. Không chia sẻ.`,
};

export const THAI: Wording = {
  uses: { register: 'สมัครสมาชิก', login: 'เข้าสู่ระบบ', reset_password: 'ตั้งรหัสผ่านใหม่', other: 'ยืนยัน' },
  text: ({ brand, code, minutes }, use) => `${brand}: รหัส${use}คือ ${code} ใช้ได้ ${minutes} นาที ห้ามบอกใคร`,
};
