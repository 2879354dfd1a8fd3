// How a client sees its tools: all of them listed, through a search, or a search beside a few that are listed.

import type { JsonObject } from "../kernel/index.ts";
import { FULL_TOOL } from "./names.ts";
import * as read from "./reading.ts";
import type { Fields } from "./reading.ts";
import type { StackClient } from "./types.ts";

export type ClientView = Pick<StackClient, "view" | "direct" | "names" | "inform">;

export const VIEWS = ["direct", "search", "hybrid"] as const;
const NAMES = ["full", "short"] as const;
const INFORM = ["elicitation"] as const;
/** What a client sees whose entry says nothing of it. */
export const PLAIN_VIEW: ClientView = { view: "direct", direct: [], names: "full", inform: null };
const LISTED_MAX = 50;

/** A search beside listed tools is a hybrid, whichever way it is written. */
export function clientViewOf(client: Fields): ClientView {
  const written = read.maybe(client.get("view"), "direct", (view) => read.oneOf(view, VIEWS));
  const node = client.get("direct");
  const direct = read.maybe(node, NONE, (tools) => read.setOf(tools, FULL_TOOL));
  if (node !== undefined && written === "direct") {
    const message = `${read.nameOf(node)} lists tools beside a search, and this client sees all tools already.`;
    read.report(node, { code: "bad-value", message, next: "Write view: hybrid, or leave 'direct' out." });
  }
  if (node !== undefined && direct.length > LISTED_MAX) {
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} holds more than ${LISTED_MAX} tools.` });
  }
  const view = client.get("view");
  if (view !== undefined && written === "hybrid" && direct.length === 0) {
    const message = `${read.nameOf(view)} is hybrid, but no tool is listed beside the search.`;
    read.report(view, { code: "bad-value", message, next: "Name them under 'direct', or write view: search." });
  }
  const names = read.maybe(client.get("names"), "full", (given) => read.oneOf(given, NAMES));
  const inform = read.maybe(client.get("inform"), null, (given) => read.oneOf(given, INFORM));
  return { view: direct.length > 0 && written === "search" ? "hybrid" : written, direct, names, inform };
}

const NONE: readonly string[] = [];

export function clientViewText(client: ClientView): string {
  const names = client.names === "short" ? ", by their own names where no two are alike" : "";
  const inform = client.inform === null ? "" : ", and shows a form when a call waits for you";
  return `${toolsText(client)}${names}${inform}`;
}

function toolsText({ view, direct }: ClientView): string {
  switch (view) {
    case "direct":
      return "sees every tool listed";
    case "search":
      return "finds its tools by search";
    case "hybrid":
      return `finds its tools by search, beside ${direct.join(", ")}`;
  }
}

export function clientViewSchema(): JsonObject {
  return {
    view: {
      enum: [...VIEWS],
      description: "direct lists every tool; search lists four that find and call the others.",
    },
    names: {
      enum: [...NAMES],
      description: "short leaves the server's name out where no other tool or prompt has the same name.",
    },
    inform: {
      enum: [...INFORM],
      description:
        "elicitation: the program shows a form when a call waits for you; answering it there changes nothing.",
    },
    direct: {
      type: "array",
      description: "Tools that are listed beside the search.",
      items: { type: "string", pattern: FULL_TOOL.pattern.source },
      uniqueItems: true,
      maxItems: LISTED_MAX,
    },
  };
}
