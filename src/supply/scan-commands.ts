// Commands and code in a text: what runs something unseen, opens a way in, or takes something along.
// Each pattern starts with a literal and has bounded gaps, so that time stays linear in the text.

import type { Hit } from "./scan-hit.ts";
import type { RuleId } from "./scan-rules.ts";

interface CommandRule {
  readonly rule: RuleId;
  readonly patterns: readonly RegExp[];
}

const SHELL = String.raw`(?:sudo\s{1,3}(?:-\w{1,3}\s{1,3})?)?(?:/(?:usr/)?bin/)?(?:env\s{1,3})?(?:ba|z|da|k|fi)?sh\b`;
const RUNNER = String.raw`(?:${SHELL}|(?:sudo\s{1,3})?(?:python[23]?|perl|ruby|node|php|osascript|iex)\b)`;
const FETCH = String.raw`\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring|fetch)\b`;
const KEY_FILE =
  String.raw`(?:\.ssh(?:/(?:id_|\*|["'\s)]|$|config)|/?\s)|id_(?:rsa|dsa|ecdsa|ed25519)\b(?!\.pub)` +
  String.raw`|\.aws/cred|\.aws/?(?=["'\s])|\.netrc\b|\.git-credentials|\.gnupg\b|/etc/shadow\b` +
  String.raw`|\.kube/config|\.docker/config\.json|login\.keychain|key3?4?\.db\b|wallet\.dat` +
  String.raw`|\.npmrc\b|\.env\b(?![.\w(]))`;
const READER =
  String.raw`\b(?:cat|cp|tar|zip|base64|scp|rsync|less|head|strings|xxd|grep|readfilesync|readfile` +
  String.raw`|read_text|open)\b`;

function any(rule: RuleId, ...sources: readonly string[]): CommandRule {
  return { rule, patterns: sources.map((source) => new RegExp(source, "gi")) };
}

const RULES: readonly CommandRule[] = [
  any(
    "runs.download",
    `${FETCH}[^\\n|;]{0,300}\\|\\s{0,4}(?:tee\\s[^|\\n]{0,80}\\|\\s{0,4})?${RUNNER}`,
    `(?:${SHELL}|\\bsource|\\beval|\\.)\\s{1,3}(?:-\\w{1,3}\\s{1,3})?["']?(?:<\\(|\\$\\(|\`)\\s{0,3}${FETCH}`,
    `${FETCH}[^\\n|]{0,300}\\|\\s{0,3}(?:iex|invoke-expression)\\b`,
    `\\b(?:iex|invoke-expression)\\s{0,3}[("$&][^\\n]{0,120}(?:downloadstring|iwr|irm|webrequest|restmethod)`,
    `\\b(?:exec|eval)\\s{0,2}\\(\\s{0,2}(?:[\\w.]{1,40}\\(){0,2}\\s{0,2}(?:requests\\.get` +
      `|urllib|urlopen|await fetch|fetch|httpx)`,
    `\\b(?:mshta|regsvr32|rundll32|bitsadmin|certutil)\\b[^\\n]{0,120}https?://`,
    `${FETCH}[^\\n]{0,300}(?:&&|;)\\s{0,3}(?:sudo\\s{1,3})?chmod\\s{1,3}(?:\\+x` +
      `|[0-7]{3,4})[^\\n]{0,120}(?:&&|;)\\s{0,3}(?:sudo\\s{1,3})?(?:\\./|/|nohup|${SHELL})`,
    `${FETCH}[^\\n]{0,300}(?:&&|;)\\s{0,3}${RUNNER}\\s{1,3}[^\\n]{1,80}`,
  ),
  any(
    "runs.encoded",
    `\\bbase64\\s{1,3}(?:-d|-D|--decode)\\b[^\\n|]{0,80}\\|\\s{0,4}${RUNNER}`,
    `\\b(?:xxd\\s{1,3}-r|openssl\\s{1,3}(?:enc|base64))\\b[^\\n|]{0,120}\\|\\s{0,4}${RUNNER}`,
    `\\bpowershell(?:\\.exe)?\\b[^\\n]{0,80}\\s-e(?:nc|ncodedcommand|c)?\\s{1,3}[a-z0-9+/=]{16}`,
    `\\b(?:eval|exec)\\s{0,2}\\(\\s{0,2}(?:[\\w.]{1,40}\\(\\s{0,2}){0,3}(?:atob|b64decode` +
      `|base64|unhexlify|decompress|buffer\\.from|marshal\\.loads|codecs\\.decode|fromcharcode)`,
    `\\b(?:eval|bash -c|sh -c)\\s{1,3}["']?\\$\\(\\s{0,2}(?:echo|printf)[^\\n)]{0,300}base64`,
  ),
  any(
    "runs.shell-out",
    String.raw`/dev/(?:tcp|udp)/[\w.$\{-]`,
    String.raw`\b(?:nc|ncat|netcat)\b[^\n]{0,60}\s-\w{0,3}[ec]\s{1,3}(?:/bin/|cmd|powershell|sh\b|bash\b)`,
    String.raw`\bmkfifo\b[^\n]{0,160}\b(?:nc|ncat|netcat|telnet|openssl)\b`,
    String.raw`\bdup2\s{0,2}\([^\n]{0,40}fileno`,
    String.raw`\bsocat\b[^\n]{0,80}exec:`,
    String.raw`\bpty\.spawn\s{0,2}\(`,
  ),
  any(
    "archive.password",
    String.raw`\b(?:extract|unzip|unpack|unrar|archive|\.zip|\.rar` +
      String.raw`|\.7z)\b[^\n]{0,60}\b(?:with\s{1,3}(?:the\s{1,3})?` +
      String.raw`|using\s{1,3}(?:the\s{1,3})?)?(?:password|passphrase|passcode|pass|pwd|passwort` +
      String.raw`|contrase\w{1,2}a|mot de passe)\s{0,2}(?:is|:` +
      String.raw`|=)?\s{0,2}["'\x60*(]{1,3}\s{0,1}[\w!@#$%.-]{2,40}`,
    String.raw`\b(?:exe|zip|rar|7z|dmg|archive)\b[\s"'\x60*\])]{0,6}\(?\s{0,2}(?:password|passphrase` +
      String.raw`|pass|pwd|passwort)\s{0,2}(?:is|:|=)\s{0,2}["'\x60*]{0,3}[\w!@#$%.-]{2,40}`,
    String.raw`\b(?:unzip|7za?|unrar)\s[^\n]{0,60}-[pP]\s?["']?[\w!@#$%]{2,40}`,
  ),
  any(
    "command.sends",
    `\\b(?:curl|wget|http)\\b[^\\n]{0,200}(?:\\s-d|--data(?:-\\w{1,9})?|-f|--form|-t` +
      `|--upload-file|--post-file|--post-data)[=\\s]{1,3}["']?[^\\n]{0,120}(?:@\\S{0,60}(?:` +
      `${KEY_FILE})|\\$\\((?:cat|env|printenv|base64|tar)\\b|\\$\\(whoami|\`(?:cat|env))`,
    `\\b(?:cat|env|printenv|tar|zip|history|base64|set)\\b[^\\n]{0,160}\\|\\s{0,3}(?:base64[^` +
      `|\\n]{0,30}\\|\\s{0,3})?(?:curl|wget|nc|ncat|netcat|http)\\b`,
    `(?:\\$\\(|=)\\s{0,2}(?:tar|cat|zip|env|printenv)\\b[^\\n]{0,160}\\|\\s{0,3}base64[\\s\\S` +
      `]{0,400}\\b(?:curl|wget|nc|dig|nslookup)\\b`,
    `\\b(?:dig|nslookup|host|ping)\\b[^\\n]{0,80}["'\\s](?:\\$\\(|\\$\\{?\\w{1,40}\\}?\\.)[^\\n]{0,120}\\.[a-z]{2,}`,
    `\\b(?:fetch|axios\\.post|requests\\.post|urlopen|httpx\\.post` +
      `|http\\.post)\\s{0,2}\\([^\\n]{0,400}(?:os\\.environ|process\\.env(?!\\.)|readfilesync` +
      `|\\bopen\\(|read_text\\()`,
    `\\b(?:readfilesync|readfile|read_text|os\\.environ` +
      `|process\\.env(?!\\.))[\\s\\S]{0,300}\\b(?:fetch|axios\\.post|requests\\.post` +
      `|httpx\\.post|urlopen)\\s{0,2}\\([\\s\\S]{0,160}(?:post\\b|data\\s{0,2}=|json\\s{0,2}=` +
      `|body\\s{0,2}:)`,
    `(?:${FETCH}|\\b(?:requests|axios|http)\\.get)[^\\n]{0,80}(?:169\\.254\\.169\\.254|metadata\\.google\\.internal)`,
  ),
  any(
    "command.keys",
    `${READER}[^\\n]{0,80}(?:~|\\$\\{?home\\}?|/(?:home|users|root)/` +
      `|["'/\\s])[^\\n\\s]{0,40}(?:\\.ssh/(?:id_|\\*|["'\\s])|\\.aws/cred|\\.gnupg\\b` +
      `|\\.git-credentials|\\.netrc\\b|\\.kube/config|wallet\\.dat)`,
    `${READER}[^\\n]{0,40}/etc/shadow\\b`,
    String.raw`\bfor\s{1,3}\w{1,20}\s{1,3}in\s{1,3}[^\n]{0,40}\.ssh/`,
    String.raw`\bsecurity\s{1,3}(?:find-(?:generic|internet)-password|dump-keychain)`,
    String.raw`(?:chrome|chromium|firefox|brave|edge)[^\n]{0,100}(?:login data|cookies\.sqlite` +
      String.raw`|logins\.json|/cookies\b)`,
    String.raw`\b(?:mimikatz|lazagne|sekurlsa|lsass)\b`,
    String.raw`\b(?:pbpaste|xclip\s{1,3}-o|get-clipboard|pyperclip\.paste)\b[^\n]{0,200}(?:0x[a-f0-9]{6` +
      String.raw`}|while|curl|pbcopy|bc1)`,
  ),
  any(
    "command.weakens",
    String.raw`\bxattr\s{1,3}-\w{0,3}[cd]\w{0,2}\b[^\n]{0,60}`,
    String.raw`\bspctl\s{1,3}--(?:master-disable|global-disable)|\bcsrutil\s{1,3}disable`,
    String.raw`\bsetenforce\s{1,3}0|\bufw\s{1,3}disable|\biptables\s{1,3}-f\b|\bset-mppreference\b` +
      String.raw`|\badd-mppreference\b|\bset-executionpolicy\s{1,3}(?:unrestricted|bypass)`,
    String.raw`\bnopasswd\s{0,2}:|\bchmod\s{1,3}(?:-\w{1,3}\s{1,3})?(?:0?777|u\+s|\+s|4[0-7]{3})\s{1,3}(?:/|~)`,
    String.raw`\bhistory\s{1,3}-c\b|\bunset\s{1,3}histfile|\bhistfile=/dev/null` +
      String.raw`|\brm\s{1,3}(?:-\w{1,4}\s{1,3})?\S{0,30}(?:bash|zsh)_history`,
    String.raw`--dangerously-skip-permissions|\bnode_tls_reject_unauthorized\s{0,2}=\s{0,2}["']?0` +
      String.raw`|dangerously(?:disable|skip)\w{0,30}\s{0,2}[:=]\s{0,2}true`,
  ),
  any(
    "command.persists",
    String.raw`(?:>>|\btee\s{1,3}-a)\s{0,3}\S{0,60}authorized_keys`,
    String.raw`\bcrontab\s{1,3}-\s{0,1}(?:$|["'\n;)])|\|\s{0,3}crontab\b|/etc/cron\.|@reboot\b`,
    String.raw`\blaunchctl\s{1,3}(?:load|bootstrap)\b|launchagents/\S{1,80}\.plist`,
    String.raw`\bsystemctl\b[^\n]{0,30}\benable\b[^\n]{0,20}--now|>\s{0,3}/etc/systemd/system/`,
    String.raw`(?:>>|\btee\s{1,3}-a)\s{0,3}\S{0,40}\.(?:bashrc|zshrc|profile|bash_profile` +
      String.raw`|zprofile)\b(?<=curl[^\n]{0,160}|nohup[^\n]{0,160}|base64[^\n]{0,160}` +
      String.raw`|alias [^\n]{0,160}|&[^\n]{0,60})`,
    String.raw`\breg\s{1,3}add\b[^\n]{0,100}\\run\b|\bschtasks\s{1,3}/create`,
    String.raw`(?:>{1,2}|\btee\b|\bcp\b|\binstall\b|\bln\b)[^\n]{0,60}\.git/hooks/|core\.hookspath`,
    String.raw`\bld_preload\s{0,2}=|/etc/ld\.so\.preload`,
  ),
  any(
    "command.destroys",
    String.raw`\brm\s{1,3}-(?:rf|fr|r\s{1,2}-f)\w{0,2}\s{1,3}(?:--no-preserve-root\s{1,3})?["']?(?:/(?:` +
      String.raw`\s|$|\*|["'])|~/?(?:\s|$|["'])|\$\{?home\}?/?(?:\s|$|["']))`,
    String.raw`\bdd\s{1,3}if=/dev/(?:zero|u?random)\s{1,3}of=/dev/|\bmkfs\.\w{2,5}\s{1,3}/dev/` +
      String.raw`|:\(\)\s{0,2}\{\s{0,2}:\|:`,
    String.raw`\bvssadmin\b[^\n]{0,30}delete|\bwbadmin\b[^\n]{0,30}delete`,
  ),
  any(
    "package.elsewhere",
    String.raw`\bpip3?\s{1,3}install\b[^\n]{0,80}(?:--(?:extra-)?index-url` +
      String.raw`|-i)[=\s]{1,3}["']?https?://(?!pypi\.org|download\.pytorch\.org)`,
    String.raw`\b(?:npm|pnpm|yarn|bun)\s{1,3}(?:install|add` +
      String.raw`|i)\b[^\n]{0,80}(?:--registry[=\s]{1,3}["']?https?://(?!registry\.npmjs\.org)` +
      String.raw`|https?://\S{1,200}\.t(?:ar\.)?gz)`,
    String.raw`\bpip3?\s{1,3}install\b[^\n]{0,60}\shttps?://`,
    String.raw`"(?:pre|post)?install"\s{0,3}:\s{0,3}"[^"\n]{0,160}(?:curl|wget|node\s{1,3}-e` +
      String.raw`|sh\s{1,3}-c|base64|powershell)`,
  ),
  any("uses.machine", String.raw`\bxmrig\b|\bstratum\+(?:tcp|ssl)://|\bminerd\b|\bcoinhive\b|\b--donate-level\b`),
  any("secret.inside", String.raw`-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----\s{0,4}[A-Za-z0-9+/=]{32}`),
];

/** Keys whose form says what they are; the letters after it must look drawn by lot. */
const KEYS: readonly RegExp[] = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{50,90}\b|\bglpat-[A-Za-z0-9_-]{20,40}/g,
  /\bsk-(?:ant-|proj-|or-|live-)?[A-Za-z0-9_-]{32,180}/g,
  /\bxox[abprs]-[A-Za-z0-9-]{20,120}/g,
  /\bhooks\.slack\.com\/services\/T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{20,30}/g,
  /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[\w-]{60,80}|\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/g,
  /\bAIza[0-9A-Za-z_-]{35}|\bnpm_[A-Za-z0-9]{36}\b|\bhf_[A-Za-z0-9]{34}\b|\b[sr]k_live_[A-Za-z0-9]{24,99}/g,
  /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,180}/g,
];
const PLACEHOLDER = /example|your|xxxx|0000|1234567|abcdef|placeholder|redacted|\*\*\*|\.\.\.|(.)\1{5}/i;
const DISTINCT_MIN = 10;

export function commandsIn(text: string): readonly Hit[] {
  const found = RULES.flatMap(({ rule, patterns }) =>
    patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => hitOf(rule, match))),
  );
  for (const pattern of KEYS) {
    for (const match of text.matchAll(pattern)) {
      if (!PLACEHOLDER.test(match[0]) && new Set(match[0].slice(4)).size >= DISTINCT_MIN) {
        found.push(hitOf("secret.inside", match));
      }
    }
  }
  return found;
}

function hitOf(rule: RuleId, match: RegExpExecArray): Hit {
  return { rule, start: match.index, end: match.index + match[0].length };
}
