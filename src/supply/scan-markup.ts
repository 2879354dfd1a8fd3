// What markup hides or feigns: comments, styles, links that lead elsewhere, messages of another speaker.

import type { Hit } from "./scan-hit.ts";
import type { RuleId } from "./scan-rules.ts";

/** A link definition that nothing refers to is how Markdown hides a line. */
const COMMENT_LINE = /^\[(?:\/\/|comment|_)\]:\s{0,3}(?:#|<>)\s{0,3}[("']([^\n]{1,2000})[)"']\s{0,3}$/gim;
/** Words by which a comment speaks to whoever reads it. */
const ADDRESSED = new RegExp(
  String.raw`\b(?:you(?:r| must| should)?|assistant|agent|model|ai|llm|claude|gpt|system` +
    String.raw`|instructions?|ignore|important|execute|secret(?:ly)?|do not|don't|never|user)\b`,
  "gi",
);
const LINK = /\[([^\]\n]{1,200})\]\((https?:\/\/[^)\s]{1,400})/g;
const SHOWN_HOST = /^(?:https?:\/\/)?((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,18})(?=[/:?#]|$)/i;
const TWO_PART_ENDINGS = /\.(?:co|com|org|net|gov|ac|edu)\.[a-z]{2}$/;

interface Markup {
  readonly rule: RuleId;
  readonly pattern: RegExp;
  readonly onlyTools?: true;
}

const PATTERNS: readonly Markup[] = [
  {
    rule: "hidden.style",
    pattern: new RegExp(
      String.raw`style\s{0,2}=\s{0,2}["'][^"'\n]{0,160}(?:display\s{0,2}:\s{0,2}none` +
        String.raw`|visibility\s{0,2}:\s{0,2}hidden|font-size\s{0,2}:\s{0,2}[01](?:px|pt|em|;|["'])` +
        String.raw`|opacity\s{0,2}:\s{0,2}0(?![.\d])|(?<![-\w])color\s{0,2}:\s{0,2}(?:white|transparent` +
        String.raw`|#f{3,6}))`,
      "gi",
    ),
  },
  {
    rule: "link.data",
    pattern: new RegExp(
      String.raw`\bdata:(?:text/(?:html|javascript)|application/(?:javascript|x-sh|octet-stream` +
        String.raw`|xhtml\+xml)|image/svg\+xml)[;,][^\s)"']{8}`,
      "gi",
    ),
  },
  { rule: "link.data", pattern: /\]\(\s{0,2}(?:javascript|vbscript):[^)\s]{1,80}/gi },
  {
    rule: "sends.image",
    pattern:
      /!\[[^\]\n]{0,100}\]\(https?:\/\/[^)\s]{1,200}[?&/][\w-]{0,30}=?\s{0,1}(?:\{\{?|\$\{|<|%7b|\[)[^)\n]{1,80}/gi,
  },
  {
    rule: "model.message",
    pattern: new RegExp(
      String.raw`<\|?(?:im_start|im_end|system|sys|endoftext|begin_of_text|start_header_id)\|?>` +
        String.raw`|\[/?(?:INST|SYS)\]|<<SYS>>|</?(?:system[-_]?(?:prompt|message|instruction|reminder` +
        String.raw`|override)|hidden[-_]?instructions?|secret|admin)s?>`,
      "gi",
    ),
  },
  {
    rule: "model.message",
    pattern: new RegExp(
      String.raw`^[\s>*#\x60]{0,8}(?:SYSTEM|ADMIN|DEVELOPER)(?: (?:MESSAGE|OVERRIDE|PROMPT|NOTICE` +
        String.raw`|INSTRUCTION|UPDATE|ALERT|COMMAND|DIRECTIVE))?\s{0,2}:\s`,
      "gm",
    ),
  },
  {
    rule: "model.message",
    pattern: new RegExp(
      String.raw`\b(?:system|hidden|secret|admin|developer) (?:instruction|directive|message|note|override)s?\s{0,2}:` +
        String.raw`|\b(?:note|message|instructions?) (?:to|for) (?:the |all |any )?` +
        String.raw`(?:ai|llm|assistant|agent|model)s?\s{0,2}:`,
      "gi",
    ),
    onlyTools: true,
  },
  {
    rule: "model.message",
    pattern: new RegExp(
      String.raw`\[(?:[a-z]{2,14} ){0,2}(?:instructions?|directives?|override|admin|system(?: \w{1,14})?` +
        String.raw`|internal note|developer (?:mode|note|message))(?: \w{1,14})?\s{0,2}(?:\]\s{0,2}:?|:)`,
      "gi",
    ),
    onlyTools: true,
  },
  {
    rule: "model.message",
    pattern: /<\/?(?:important|critical|instructions?|must|assistant|attention|note_to_\w{1,20}|sys\w{0,12})>/gi,
    onlyTools: true,
  },
  {
    rule: "model.message",
    pattern: new RegExp(
      String.raw`^[\s>*#\x60-]{0,8}(?:(?:new|updated|hidden|secret|real|actual` +
        String.raw`|additional) (?:system )?(?:instructions?|directives?|task|orders)|(?:system|safety` +
        String.raw`|admin|instruction) override|(?:note|message|instructions?|important) (?:to` +
        String.raw`|for) (?:the |all |any )?(?:ai|llm|assistant|agent|model` +
        String.raw`|claude)s?\b(?: \w{1,14}){0,2})\s{0,2}:`,
      "gim",
    ),
  },
  {
    rule: "link.number",
    pattern: new RegExp(
      String.raw`\bhttps?://(?!(?:127|10|0)\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.` +
        String.raw`|169\.254\.)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])`,
      "g",
    ),
  },
  {
    rule: "link.paste",
    pattern: new RegExp(
      String.raw`\bhttps?://(?:www\.)?(?:rentry\.(?:co|org)|pastebin\.com|paste\.(?:ee|rs)|hastebin\.com` +
        String.raw`|glot\.io|ghostbin\.\w{2,4}|dpaste\.\w{2,4}|0x0\.st|transfer\.sh|termbin\.com|bit\.ly` +
        String.raw`|tinyurl\.com|is\.gd|cutt\.ly|t\.ly|webhook\.site|requestbin\.\w{2,4}|pipedream\.net` +
        String.raw`|[\w-]{1,40}\.ngrok(?:-free)?\.(?:io|app|dev)|[\w-]{1,60}\.(?:oast` +
        String.raw`|interact)\.\w{2,6})/?[\w-]{0,40}`,
      "gi",
    ),
  },
];

export function markupIn(text: string, isTool: boolean): readonly Hit[] {
  const found: Hit[] = [];
  for (const { rule, pattern, onlyTools } of PATTERNS) {
    if (onlyTools && !isTool) continue;
    for (const match of text.matchAll(pattern)) found.push(hitOf(rule, match));
  }
  for (const match of text.matchAll(LINK)) {
    if (leadsElsewhere(match[1] ?? "", match[2] ?? "")) found.push(hitOf("link.mismatch", match));
  }
  return found;
}

export interface Comment {
  readonly start: number;
  readonly end: number;
  /** It speaks to somebody; a comment of a tool's description always does, for nobody shows it as a page. */
  readonly isAddressed: boolean;
}

export function commentsIn(text: string, isTool: boolean): readonly Comment[] {
  const found: Comment[] = [];
  const note = (start: number, end: number, inner: string): void => {
    const addressed = new Set((inner.match(ADDRESSED) ?? []).map((word) => word.toLowerCase()));
    const isAddressed = (isTool && inner.trim() !== "") || addressed.size >= 2;
    found.push({ start, end, isAddressed });
  };
  // An open comment hides all that follows; what stands inside one opens no other.
  for (let start = text.indexOf("<!--"); start !== -1;) {
    const close = text.indexOf("-->", start + 4);
    const end = close === -1 ? text.length : close + 3;
    note(start, end, text.slice(start + 4, close === -1 ? end : close));
    start = text.indexOf("<!--", end);
  }
  for (const match of text.matchAll(COMMENT_LINE)) note(match.index, match.index + match[0].length, match[1] ?? "");
  return found;
}

/** Shown and meant host differ, beyond "www." and a sub-host of the same owner. */
function leadsElsewhere(shown: string, target: string): boolean {
  const host = SHOWN_HOST.exec(shown.trim().replace(/^[*_`]{1,3}/, ""))?.[1];
  // "Socket.io" is a name; with a scheme, "www." or a path it claims to be an address.
  if (host === undefined || !/\/|^\W{0,3}www\./.test(shown)) return false;
  const meant = URL.parse(target)?.hostname ?? "";
  return meant !== "" && ownerOf(host) !== ownerOf(meant) && !target.includes(host);
}

function ownerOf(host: string): string {
  const lower = host.toLowerCase();
  return lower
    .split(".")
    .slice(TWO_PART_ENDINGS.test(lower) ? -3 : -2)
    .join(".");
}

function hitOf(rule: RuleId, match: RegExpExecArray): Hit {
  return { rule, start: match.index, end: match.index + match[0].length };
}
