// The core phrases in scripts that put no blanks between words: Chinese, Japanese, Korean.

import type { OpinionId } from "./scan-rules.ts";

const PATTERNS: readonly (readonly [rule: OpinionId, pattern: RegExp])[] = [
  [
    "model.override",
    /(?:忽略|无视|無視|忽视|忘记|忘掉|不要遵守|不要理会).{0,8}(?:之前|以上|先前|前面|此前|所有|一切|原有).{0,8}(?:指令|指示|说明|規則|规则|提示|命令)/gu,
  ],
  ["model.override", /(?:以前|これまで|上記|前|すべて).{0,6}(?:指示|命令|ルール|プロンプト|規則).{0,8}(?:無視|忘れ)/gu],
  ["model.override", /(?:이전|위|모든|기존).{0,8}(?:지시|명령|규칙|프롬프트).{0,8}(?:무시|잊)/gu],
  [
    "model.hide",
    /(?:不要|不得|不可|切勿|别|禁止|无需|請勿|请勿).{0,4}(?:告诉|告知|通知|透露|提及|告訴|提醒|泄露).{0,6}(?:用户|使用者|用戶|任何人)/gu,
  ],
  ["model.hide", /(?:不要|不得|切勿|别|请勿).{0,3}(?:让|向|对|對).{0,6}(?:用户|用戶).{0,4}(?:知道|提及|透露|发现)/gu],
  ["model.hide", /(?:ユーザー?|利用者).{0,4}(?:伝え|知らせ|教え|言わ|報告し).{0,4}(?:ない|ず|ください|禁止)/gu],
  ["model.hide", /사용자.{0,6}(?:알리지|말하지|언급하지|보여주지)/gu],
  ["asks.prompt", /(?:输出|显示|透露|打印|复述|泄露).{0,6}(?:系统提示|系统指令|系统消息)/gu],
  ["asks.chat", /(?:包含|附上|发送|传递|提供|记录).{0,6}(?:完整|全部|所有|整个).{0,4}(?:对话|聊天|会话)/gu],
  [
    "sends.secret",
    /(?:密码|密钥|凭证|凭据|私钥|令牌|パスワード|秘密鍵|비밀번호).{0,16}(?:发送|上传|传送|提交|送信|전송|https?:)/gu,
  ],
  ["sends.secret", /(?:发送|上传|传送).{0,10}(?:密码|密钥|凭证|凭据|私钥)/gu],
  ["model.first", /(?:使用|调用).{0,6}(?:任何|其他|所有).{0,4}工具(?:之前|前).{0,10}(?:必须|先|首先)/gu],
  ["model.covert", /(?:悄悄|偷偷|秘密地|暗中|静默).{0,6}(?:发送|上传|执行|复制|收集|删除)/gu],
];

export function unspacedIn(
  lower: string,
): readonly { readonly rule: OpinionId; readonly start: number; readonly end: number }[] {
  if (!/[\u3040-\u9fff\uac00-\ud7af]/.test(lower)) return [];
  return PATTERNS.flatMap(([rule, pattern]) =>
    [...lower.matchAll(pattern)].map(({ 0: words, index }) => ({ rule, start: index, end: index + words.length })),
  );
}
