// Words of names, descriptions and questions, in the form in which they are compared. Nothing here knows any tool.

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** What says nothing of a purpose. */
const EMPTY = words(
  "a an the this that these those it its i me my we us our you your he she they them their is are was were be been am " +
    "do does did done has have had can could may might must shall should will would of in on at to for from by with " +
    "about into onto as and or but not no if so than then there here what which who whom whose when where why how " +
    "please want need use used using tool via up out any some all each every more most other such only also just",
);

/** What people say on the left and right for what programs call otherwise: verbs of the trade and plain nouns. */
const ALIKE: readonly string[] = [
  "create make add new insert start",
  "delete remove forget erase drop",
  "update change edit modify alter adjust",
  "get read show see view display fetch retrieve tell look",
  "search find look lookup query locate",
  "list show enumerate",
  "send post message notify mail",
  "reply answer respond",
  "write save store put",
  "remember memory store",
  "copy duplicate clone fork",
  "move rename",
  "run execute evaluate",
  "stop end cancel",
  "upload attach",
  "download save fetch",
  "press click push",
  "watch monitor",
  "comment note",
  "file document note text paper",
  "directory folder",
  "image picture photo",
  "issue bug ticket problem",
  "repository repo project",
  "user person people member",
  "contact customer client company",
  "event appointment meeting",
  "task todo reminder",
  "email mail letter",
  "page website site web",
  "url link address",
  "buy order purchase",
  "pay payment spend",
  "place location",
  "database sql table",
  "record row entry",
  "documentation docs manual",
];

/** Camel case, snake case and digits come apart: `listPullRequests2` is list, pull, request, 2. */
export function stemsOf(text: string): readonly string[] {
  const apart = text.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2");
  const found = apart.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? [];
  return found.filter((word) => word.length > 1 && !EMPTY.has(word)).map(stemOf);
}

/** Light on purpose: plural, -ing, -ed and a last e go. What it gets wrong it gets wrong on both sides. */
export function stemOf(word: string): string {
  const single =
    word.length > 4 && word.endsWith("ies")
      ? `${word.slice(0, -3)}y`
      : word.length > 3 && /[^sui]s$/.test(word)
        ? word.slice(0, -1)
        : word;
  const bare = /^(.{3,})(?:ing|ed)$/.exec(single)?.[1] ?? single;
  const undoubled = bare === single ? bare : bare.replace(/([^aeiouls])\1$/, "$1");
  return undoubled.length > 3 ? undoubled.replace(/e$/, "") : undoubled;
}

/** Other stems for the same thing; empty for most words. */
export function alikeOf(stem: string): readonly string[] {
  return NEIGHBOURS.get(stem) ?? [];
}

const NEIGHBOURS: ReadonlyMap<string, readonly string[]> = neighbours();

function neighbours(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const group of ALIKE) {
    const stems = group.split(" ").map(stemOf);
    for (const stem of stems) {
      const others = stems.filter((other) => other !== stem);
      found.set(stem, [...new Set([...(found.get(stem) ?? []), ...others])]);
    }
  }
  return found;
}
