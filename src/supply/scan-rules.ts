// The rules of the scanner by id: whether a finding is a fact or an opinion, and what is told to the owner.

/** What is there, whoever reads it. It blocks until the owner has read it. */
export const FACTS = {
  "hidden.tags": "letters that no screen draws (Unicode tags): a message for the model alone",
  "hidden.invisible": "invisible characters, which hide words or carry data",
  "hidden.direction": "characters that reorder the text: what you see is not what is written",
  "hidden.selectors": "variation selectors where nothing varies, which can carry hidden data",
  "hidden.lookalike": "a word that mixes look-alike letters of another alphabet into Latin ones",
  "hidden.terminal": "control characters that can rewrite what a terminal shows",
  "hidden.far": "text moved far out of sight by blank space",
  "hidden.comment": "a comment that a page does not show but a model reads, and it holds instructions",
  "hidden.style": "text that a page hides by its style",
  "link.mismatch": "a link that names one address and leads to another",
  "link.data": "a link that carries a program or page inside itself",
  "secret.inside": "what looks like a real key or password in the text",
  "runs.download": "downloads a program and runs it unseen",
  "runs.encoded": "runs a command that is written so that nobody can read it",
  "runs.shell-out": "opens a shell for somebody else (reverse shell)",
  "archive.password": "an archive with a password, which no scanner can look into",
  "encoded.command": "an encoded piece that decodes to a command or address",
  "skill.engine": "front matter that names a programming language; it is never evaluated here",
} as const satisfies Readonly<Record<string, string>>;

/** What it may mean. It is shown, and blocks nothing. */
export const OPINIONS = {
  "model.override": "tells the model to set its instructions aside",
  "model.safety-off": "tells the model to switch checks off",
  "model.trust": "tells the model to trust or obey whatever comes in",
  "model.hide": "tells the model to keep something from you",
  "model.covert": "speaks of doing something unnoticed",
  "model.first": "wants to be called before anything else",
  "model.steer": "changes how the assistant behaves, not what a tool does",
  "model.role": "gives the model another role with fewer limits",
  "model.obey": "presses the model with threats or orders to obey",
  "model.shadow": "speaks about other tools, or changes whom they reach",
  "model.unasked": "acts without asking you",
  "model.message": "imitates a message of the system or of another speaker",
  "asks.file": "asks for a file that holds keys or passwords",
  "asks.chat": "asks for the conversation",
  "asks.prompt": "asks for the system's instructions",
  "asks.argument": "has an argument for what no tool needs: the conversation or the model's thoughts",
  "sends.secret": "sends keys or passwords away",
  "sends.data": "sends data elsewhere that the task does not need there",
  "sends.image": "an image address that would carry data away",
  "collects.secret": "collects passwords, keys or cards",
  "collects.person": "collects what identifies you or your machine, or signs you up",
  "command.sends": "a command that sends files or the environment away",
  "command.keys": "a command that reads keys, passwords or browser data",
  "command.weakens": "a command that weakens the machine's protection or wipes traces",
  "command.persists": "a command that makes itself start again or leaves a way in",
  "command.destroys": "a command that deletes or overwrites far more than its own files",
  "package.lookalike": "a package name that imitates a known one",
  "package.elsewhere": "a package from an unusual place, or one that runs code when installed",
  "link.number": "a bare number address instead of a name",
  "link.paste": "an anonymous paste or short link that can change at any time",
  "fetches.orders": "fetches its instructions from elsewhere, where they can change",
  "runs.pasted": "has you paste a command into a terminal",
  "memory.plants": "writes into files that steer the model later",
  "moves.money": "moves money",
  "uses.machine": "uses your machine for somebody else's gain (mining)",
  "harm.named": "names an attack in so many words",
  "encoded.words": "an encoded piece that decodes to sentences",
  "name.taken": "names a tool that another server has",
} as const satisfies Readonly<Record<string, string>>;

export type FactId = keyof typeof FACTS;
export type OpinionId = keyof typeof OPINIONS;
export type RuleId = FactId | OpinionId;

export function isFact(rule: RuleId): rule is FactId {
  return Object.hasOwn(FACTS, rule);
}

export function isRule(text: string): text is RuleId {
  return Object.hasOwn(FACTS, text) || Object.hasOwn(OPINIONS, text);
}

/** The plain sentence of a rule. */
export function saysOf(rule: RuleId): string {
  return isFact(rule) ? FACTS[rule] : OPINIONS[rule];
}
