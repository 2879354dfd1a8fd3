// The stack as it runs, and a proposal that waits to be applied: always with its whole diff.

import { isObject, revealJson, type JsonObject } from "../kernel/index.ts";
import { countOf, exactText, LINE_END } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { csrfField, span, type Frame, type Page } from "./page.ts";
import { listOf, numberOf, textOf, textsOf } from "./reading.ts";

/** A longer diff is not read on a page; the terminal has a pager. */
const DIFF_LENGTH_MAX = 400_000;

export interface Stack {
  readonly status: JsonObject;
  readonly plan: JsonObject;
  /** Why there is no plan: a file in the home does not read. */
  readonly planFault: string;
}

export function stackPage(stack: Stack, frame: Frame): Page {
  const { status } = stack;
  const body = html`<h1>Stack</h1>
    ${proposal(stack, frame)}
    <section class="panel">
      <h2>Servers</h2>
      ${servers(listOf(status, "servers"))}
    </section>
    <section class="panel">
      <h2>Clients</h2>
      ${clients(listOf(status, "clients"))}
    </section>
    <section class="panel">
      <h2>Models</h2>
      ${models(status)}
    </section>
    <section class="panel">
      <h2>This machine</h2>
      ${machine(status)}
    </section>
    <form class="leave" method="post" action="/leave">
      ${csrfField(frame)}<button class="button">Leave this browser</button>
    </form>`;
  return { title: "Stack", at: "stack", isLive: true, body };
}

function proposal({ plan, planFault }: Stack, frame: Frame): Markup | false {
  if (planFault !== "") {
    return html`<section class="panel panel-ask">
      <h2>The home does not read</h2>
      <p class="warn">${exactText(planFault)}</p>
      <p class="quiet">What you accepted before stays in force.</p>
    </section>`;
  }
  if (textOf(plan, "digest") === "") return false;
  return html`<section class="panel panel-ask">
    <h2>A change waits for you</h2>
    <p>Nothing of it is in force before you apply it.</p>
    ${changeShown(
      plan,
      html`<form class="actions" method="post" action="/apply">
        ${csrfField(frame)}<input type="hidden" name="digest" value="${textOf(plan, "digest")}" />
        ${findingsShown(listOf(plan, "findings"))}
        <button class="button button-yes">Apply exactly this</button>
      </form>`,
    )}
  </section>`;
}

/** What changes and the whole diff; the form that applies it only under all of it. */
export function changeShown(plan: JsonObject, form: Markup): Markup {
  const diff = textOf(plan, "diff");
  return html`<ul class="changes">
      ${listOf(plan, "changes").map(
        (change) => html`<li>${exactText(textOf(change, "what"))}${change["wider"] === true && allowsMore()}</li>`,
      )}
    </ul>
    ${
      diff.length > DIFF_LENGTH_MAX
        ? html`<p class="warn">
            The diff has ${countOf(diff)}. Read it with <code>freehold plan</code> and apply it there.
          </p>`
        : html`<pre class="box diff" id="diff" tabindex="0" role="region" aria-label="the whole diff">
${diff.split("\n").map(diffLine)}</pre>
            <p class="count">${countOf(diff)}</p>
            ${form}`
    }`;
}

/** Each fact has a box of its own: a change that brings one is applied only when all are ticked. */
function findingsShown(findings: readonly JsonObject[]): Markup | false {
  if (findings.length === 0) return false;
  return html`<fieldset class="findings">
    <legend>What the scanner found in the texts of its servers</legend>
    ${findings.map((finding) => {
      const place = html`<strong>${exactText(textOf(finding, "server"))}</strong>,
        ${exactText(textOf(finding, "where"))}: ${exactText(textOf(finding, "says"))}
        <code>${exactText(textOf(finding, "quote"))}</code>`;
      if (textOf(finding, "kind") !== "fact") return html`<p class="quiet">${place}</p>`;
      return html`<p class="warn">
        <label
          ><input type="checkbox" name="read" value="${textOf(finding, "id")}" required /> I have read: ${place}</label
        >
      </p>`;
    })}
  </fieldset>`;
}

function allowsMore(): Markup {
  return html` <strong class="wider">allows more</strong>`;
}

function diffLine(line: string): Markup {
  const kind = line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "same";
  return html`<span class="diff-${kind}">${exactText(line)}</span>${LINE_END}`;
}

const STATES: Readonly<Record<string, string>> = {
  idle: "starts when needed",
  running: "running",
  "held-back": "held back",
};

function servers(list: readonly JsonObject[]): Markup {
  if (list.length === 0)
    return html`<p class="quiet">
      None yet. On a terminal: <code>freehold adopt</code> or <code>freehold add</code>.
    </p>`;
  return html`<ul class="rows">
    ${list.map((server) => {
      const state = textOf(server, "state");
      const tone = state === "running" ? "good" : state === "held-back" ? "bad" : "plain";
      return html`<li>
        <span class="dot dot-${tone}" aria-hidden="true"></span>
        <span
          ><strong>${exactText(textOf(server, "name"))}</strong> <span class="quiet">${STATES[state] ?? state}</span
          ><br />
          <span class="quiet">${exactText(textOf(server, "source"))}</span>
          ${heldBack(textOf(server, "why"))}</span
        >
        <span class="entry-when"
          >${exactText(textOf(server, "compartment"))}<br />${numberOf(server, "cardsAccepted")} of
          ${numberOf(server, "tools")} tools</span
        >
      </li>`;
    })}
  </ul>`;
}

function heldBack(why: string): Markup | false {
  return why !== "" && html`<br /><span class="warn">${exactText(why)}</span>`;
}

function clients(list: readonly JsonObject[]): Markup {
  if (list.length === 0) return html`<p class="quiet">None yet. On a terminal: <code>freehold connect</code>.</p>`;
  return html`<ul class="rows">
    ${list.map(
      (client) =>
        html`<li>
          <span class="dot dot-plain" aria-hidden="true"></span>
          <strong>${exactText(textOf(client, "name"))}</strong>
          <span class="quiet">${viewShown(client)}</span>
          <span class="entry-when">${exactText(textsOf(client, "compartments").join(", "))}</span>
        </li>`,
    )}
  </ul>`;
}

function models(status: JsonObject): Markup {
  const list = listOf(status, "models");
  if (list.length === 0) return html`<p class="quiet">None yet. On a terminal: <code>freehold model add</code>.</p>`;
  return html`<ul class="rows">
      ${list.map((model) => {
        const known = placeShown(model);
        return html`<li>
          <span class="dot dot-${known.tone}" aria-hidden="true"></span>
          <span
            ><strong>${exactText(textOf(model, "name"))}</strong> <span class="quiet">${known.text}</span><br />
            <span class="quiet">${exactText(textOf(model, "model"))}</span>
            ${known.why !== "" && html`<br /><span class="warn">${exactText(known.why)}</span>`}</span
          >
        </li>`;
      })}
    </ul>
    ${budgetsShown(status["money"])}`;
}

interface PlaceShown {
  readonly tone: "good" | "bad" | "plain";
  readonly text: string;
  readonly why: string;
}

function placeShown(model: JsonObject): PlaceShown {
  const [place, proven, why] = [textOf(model, "place"), textOf(model, "proven"), textOf(model, "why")];
  if (proven === "false") return { tone: "bad", text: "not asked", why };
  if (model["isPriced"] !== true) return { tone: "bad", text: place, why: "not asked: its price is unknown" };
  if (place === "cloud") return { tone: "plain", text: "cloud", why: "" };
  if (proven === "") return { tone: "plain", text: `${place}, not proven yet`, why: "" };
  return proven === "unproven"
    ? { tone: "bad", text: `${place} unproven, counts as cloud`, why }
    : { tone: "good", text: `${proven}, proven`, why: "" };
}

function budgetsShown(money: JsonObject[string] | undefined): Markup | false {
  if (!isObject(money)) return false;
  const code = textOf(money, "currency");
  const said = listOf(money, "budgets").map((budget) => {
    const limit = budget["limit"];
    const of = typeof limit === "number" ? `of ${limit} ${code}` : `${code}, no budget`;
    return `This ${textOf(budget, "name")}: ${numberOf(budget, "spent").toFixed(2)} ${of}.`;
  });
  return html`<p class="quiet">${said.join(" ")}</p>`;
}

function viewShown(client: JsonObject): Markup {
  if (textOf(client, "view") === "direct") return html`sees every tool listed`;
  const beside = textsOf(client, "direct").join(", ");
  return html`finds its tools by search${beside !== "" && html`, beside ${exactText(beside)}`}`;
}

function machine(status: JsonObject): Markup {
  const weaker = textOf(status, "weaker");
  const mode = textOf(status, "mode") === "own-user" ? "under a user of its own" : "as your own user";
  return html`<dl class="facts">
    <div>
      <dt>Freehold</dt>
      <dd>
        ${textOf(status, "version")}, up for ${span(numberOf(status, "uptimeMs"))}, runs ${mode}
        ${weaker !== "" && html`<br /><span class="warn">${exactText(capital(weaker))}.</span>`}
      </dd>
    </div>
    <div>
      <dt>Home</dt>
      <dd><code>${exactText(textOf(status, "home"))}</code></dd>
    </div>
    <div>
      <dt>Sandbox</dt>
      <dd>${sandbox(status["sandbox"])}</dd>
    </div>
  </dl>`;
}

function sandbox(given: JsonObject[string] | undefined): Markup {
  if (!isObject(given)) return html`unknown`;
  const [backend, reason, fix] = [textOf(given, "backend"), textOf(given, "reason"), textOf(given, "fix")];
  if (reason === "" && fix === "") return html`${exactText(backend === "" ? textOf(given, "kind") : backend)}`;
  return html`<span class="warn">${exactText(reason)}</span
    >${fix !== "" && html`<br />Fix: <code>${exactText(fix)}</code>`}
    <details id="sandbox">
      <summary>All of it</summary>
      <pre class="box">${revealJson(JSON.stringify(given))}</pre>
    </details>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
