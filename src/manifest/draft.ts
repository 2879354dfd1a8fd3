// A first card for each tool of a new server, on the cautious side, for the owner to read and change.
// Names, texts and annotations come from an untrusted party: they can make a card stricter, never milder.

import {
  EFFECTS,
  isObject,
  type ArgumentRole,
  type Digest,
  type Effect,
  type JsonObject,
  type Surface,
  type ToolCard,
} from "../kernel/index.ts";
import { shippedFor, type ShippedDraft, type ShippedTool } from "./shipped.ts";
import { pinsOf } from "./surface-pins.ts";
import type { CardFile } from "./types.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));
const READ_VERBS = words(
  "read get list search find stat tree describe show view fetch lookup query count head tail grep",
);
const CHANGE_VERBS = words(
  "create update delete remove write set insert upsert edit modify add append patch put replace move rename copy " +
    "send publish execute exec run eval install deploy start stop kill enable disable reset clear drop truncate " +
    "apply approve merge close cancel grant revoke upload push sync save store mark toggle archive restore purge",
);
const EXEC_WORDS = words(
  "exec execute run shell bash eval script spawn terminal sudo command powershell python sql invoke",
);
const CREDENTIAL_WORDS = words(
  "password passwords passphrase credential credentials secret secrets token tokens apikey login oauth otp vault",
);
const SPEND_WORDS = words(
  "pay payment payments purchase buy order checkout charge refund donate transfer withdraw invoice subscribe trade",
);
const SEND_WORDS = words(
  "send post publish tweet email mail notify message share invite reply forward comment submit upload push webhook " +
    "call dial sms broadcast fax announce",
);
const EGRESS_WORDS = words(
  "url uri urls uris href link links host hostname endpoint webhook callback domain server proxy ip address",
);
const EGRESS_FORMATS = words("uri url iri uri-reference iri-reference hostname idn-hostname ipv4 ipv6");
const CONTENT_WORDS = words(
  "content contents text body message markdown html description comment note notes caption summary",
);

/** Schemas in which arguments can hide from a list of properties. */
const OPEN_SCHEMAS = [
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
  "$ref",
  "$dynamicRef",
];
const FREE_NAMES = ["patternProperties", "unevaluatedProperties", "propertyNames"];

export interface DraftRequest {
  readonly server: string;
  readonly surface: Surface;
  readonly compartment: string;
  /** As stack.yaml writes it: a draft that ships for this package or host is used where it fits. */
  readonly source?: string | null;
}

export function draftCards({ server, surface, compartment, source = null }: DraftRequest): CardFile {
  const shipped = shippedFor(source);
  const definitions = new Map(surface.tools.map((tool) => [`${server}.${textAt(tool, "name")}`, tool]));
  const cards: Record<string, ToolCard> = {};
  for (const [tool, pin] of pinsOf(server, surface)) {
    cards[tool] = draftCard({ tool, pin, compartment, definition: definitions.get(tool) ?? null, shipped });
  }
  return { server, cards };
}

interface ToolToDraft {
  /** With its server. */
  readonly tool: string;
  readonly pin: Digest;
  readonly compartment: string;
  /** Null for a pseudo-tool. */
  readonly definition: JsonObject | null;
  readonly shipped: ShippedDraft | null;
}

function draftCard({ tool, pin, compartment, definition, shipped }: ToolToDraft): ToolCard {
  const known = definition === null ? null : fittingDraft(definition, shipped);
  if (definition !== null && known !== null) {
    const { effect, ids, trust, secret, mode } = known;
    const roles = Object.keys(propertiesOf(definition)).map((name) => [name, known.roles[name] ?? "critical"] as const);
    const result = { trust, compartments: [compartment], secret, mode };
    return { tool, effect, pin, roles: Object.fromEntries(roles), ids, result };
  }
  const effect = definition === null ? "read" : guessEffect(definition);
  return {
    tool,
    effect,
    pin,
    roles: definition === null ? {} : guessRoles(definition, effect),
    ids: [],
    result: { trust: "third-party", compartments: [compartment], secret: effect === "credential", mode: "inline" },
  };
}

/**
 * The shipped draft of a tool, if it fits: the same name, no argument that it does not list, and no claim of the
 * server's that the tool changes something which the draft holds for a read.
 */
export function fittingDraft(definition: JsonObject, shipped: ShippedDraft | null): ShippedTool | null {
  const name = textAt(definition, "name");
  const known = shipped !== null && Object.hasOwn(shipped.tools, name) ? shipped.tools[name] : undefined;
  if (known === undefined || !isClosed(definition)) return null;
  if (!Object.keys(propertiesOf(definition)).every((argument) => Object.hasOwn(known.roles, argument))) return null;
  return known.effect === "read" && claimsChange(definition) && !known.claimsChange ? null : known;
}

function isClosed(definition: JsonObject): boolean {
  const schema = definition["inputSchema"];
  if (!isObject(schema)) return false;
  return ![...OPEN_SCHEMAS, ...FREE_NAMES].some((key) => Object.hasOwn(schema, key));
}

export interface CardInDoubt {
  readonly card: ToolCard;
  readonly definition: JsonObject | null;
  readonly shipped: ShippedDraft | null;
}

/** Why the owner should look at a card, in words; empty where reading it among the others is enough. */
export function doubtsOf({ card, definition, shipped }: CardInDoubt): Doubts {
  const isKnown = definition !== null && fittingDraft(definition, shipped) !== null;
  const dangers: string[] = [];
  const named = (role: ArgumentRole): readonly string[] =>
    Object.keys(card.roles).filter((name) => card.roles[name] === role);
  if (EFFECTS.indexOf(card.effect) >= EFFECTS.indexOf("send")) dangers.push(DANGERS[card.effect] ?? "");
  if (named("egress").length > 0) dangers.push(`it connects to what ${named("egress").join(", ")} says`);
  if (card.result.trust !== "third-party" && !isKnown) dangers.push(`its results are trusted as ${card.result.trust}`);
  if (isKnown || definition === null) return { dangers, guesses: [] };
  const guesses: string[] = [];
  if (guessEffect(definition) === "write" && !namesChange(definition)) guesses.push("nothing says what it does");
  if (card.effect === "read" && guessEffect(definition) !== "read") guesses.push("it does not look like a mere read");
  if (named("content").length > 0) guesses.push(`${named("content").join(", ")}: taken for text that is only carried`);
  if (!isClosed(definition)) guesses.push("its schema leaves open which arguments it takes");
  return { dangers, guesses };
}

export interface Doubts {
  readonly dangers: readonly string[];
  readonly guesses: readonly string[];
}

const DANGERS: Readonly<Partial<Record<Effect, string>>> = {
  send: "it sends something to others",
  spend: "it spends money",
  credential: "it handles credentials",
  exec: "it runs programs",
};

/** `write` where nothing else is clear; `write-reversible` is never guessed. */
export function guessEffect(definition: JsonObject): Effect {
  const name = wordsOf(textAt(definition, "name"));
  const opening = wordsOf(textAt(definition, "description").trimStart().slice(0, 60)).slice(0, 1);
  const has = (set: ReadonlySet<string>): boolean => [...name, ...opening].some((word) => set.has(word));
  if (has(CREDENTIAL_WORDS)) return "credential";
  const argumentNames = Object.keys(propertiesOf(definition)).flatMap(wordsOf);
  const runs = argumentNames.some((word) => word === "command" || word === "script" || word === "shell");
  const [first = "", ...rest] = name;
  const changes = [...rest, ...opening].some(
    (word) => CHANGE_VERBS.has(word) || CHANGE_VERBS.has(word.replace(/s$/, "")),
  );
  if (READ_VERBS.has(first) && !changes && !runs && !claimsChange(definition)) return "read";
  if (runs || has(EXEC_WORDS)) return "exec";
  if (has(SPEND_WORDS)) return "spend";
  return has(SEND_WORDS) ? "send" : "write";
}

function claimsChange(definition: JsonObject): boolean {
  const annotations = definition["annotations"];
  if (annotations === undefined) return false;
  if (!isObject(annotations)) return true;
  return annotations["destructiveHint"] === true || annotations["readOnlyHint"] === false;
}

/** Some word of its name says that it changes something, so `write` is no mere fallback. */
function namesChange(definition: JsonObject): boolean {
  return wordsOf(textAt(definition, "name")).some((word) => CHANGE_VERBS.has(word));
}

function guessRoles(definition: JsonObject, effect: Effect): Readonly<Record<string, ArgumentRole>> {
  return Object.fromEntries(
    Object.entries(propertiesOf(definition))
      .filter(([name]) => name !== "__proto__" && name.length > 0 && name.length <= 256)
      .map(([name, schema]) => [name, guessRole(name, schema, effect)]),
  );
}

function guessRole(name: string, schema: unknown, effect: Effect): ArgumentRole {
  const parts = wordsOf(name);
  const format = isObject(schema) ? textAt(schema, "format") : "";
  const isMailbox = parts.includes("email") || format === "email";
  if (EGRESS_FORMATS.has(format) || (!isMailbox && parts.some((word) => EGRESS_WORDS.has(word)))) return "egress";
  const isText = isObject(schema) && schema["type"] === "string" && schema["enum"] === undefined;
  const isFree = effect === "write" || effect === "send" || effect === "spend";
  const last = parts.at(-1) ?? "";
  return isText && isFree && CONTENT_WORDS.has(last) ? "content" : "critical";
}

function propertiesOf(definition: JsonObject): JsonObject {
  const schema = definition["inputSchema"];
  const properties = isObject(schema) ? schema["properties"] : undefined;
  return isObject(properties) ? properties : {};
}

/** `getUserToken`, `get_user_token` and `get-user.token` are the same three words. */
function wordsOf(text: string): readonly string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
}

function textAt(object: JsonObject, key: string): string {
  const value = Object.hasOwn(object, key) ? object[key] : "";
  return typeof value === "string" ? value : "";
}
