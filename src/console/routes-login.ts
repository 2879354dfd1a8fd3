// The way in, and stop, which asks for no proof: a one-time link, then the PIN or passphrase.

import type { Hono } from "hono";
import { Fault } from "../kernel/index.ts";
import type { Proof } from "../control/index.ts";
import type { Call, ConsoleEnv, Desk } from "./desk.ts";
import { html } from "./html.ts";
import { span } from "./page.ts";
import { choosePage, linkPage, messagePage, noLinkPage, proofPage } from "./page-login.ts";
import type { Guest } from "./visits.ts";

const CODE_LENGTH_MAX = 200;
const TOO_OLD = "The link was used already, or it is too old.";

export function routeLogin(app: Hono<ConsoleEnv>, desk: Desk): void {
  const { auth, nowMs } = desk.options;

  /** A browser that was the owner's once may prove it again; any other only while its link is fresh. */
  function mayProve(guest: Guest): boolean {
    return guest.session !== null || guest.visit.isLive(nowMs());
  }

  async function gate(call: Call, fault = ""): Promise<Response> {
    const { guest } = call.get("visitor");
    if (guest === null) return desk.show(call, noLinkPage(fault), 401);
    if (!mayProve(guest)) return desk.show(call, noLinkPage(TOO_OLD), 401);
    const status = fault === "" ? 200 : 403;
    return desk.show(call, (frame) => (auth.isSet() ? proofPage(frame, fault) : choosePage(frame, fault)), status);
  }

  /** The way on after a proof, or the same page with what was wrong. */
  async function admit(call: Call, prove: () => Promise<Proof>): Promise<Response> {
    let proof: Proof;
    try {
      proof = await prove();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return gate(call, error.next === undefined ? error.message : `${error.message} Next: ${error.next}.`);
    }
    if (proof.kind === "refused") return gate(call, refusalText(proof.waitMs));
    call.set("visitor", desk.visits.enter(call.get("visitor"), proof.session));
    return call.redirect("/", 303);
  }

  app.get("/login", async (call) => {
    const code = call.req.query("code");
    if (code !== undefined) return desk.show(call, (frame) => linkPage(code.slice(0, CODE_LENGTH_MAX), frame));
    return desk.owner(call) === null ? gate(call) : call.redirect("/", 303);
  });

  app.post("/login", async (call) => {
    const visit = auth.redeemLink(call.get("form").get("code")?.slice(0, CODE_LENGTH_MAX) ?? "");
    if (visit === null) return desk.show(call, noLinkPage(TOO_OLD), 403);
    call.set("visitor", desk.visits.welcome(call.get("visitor"), visit));
    return call.redirect("/login", 303);
  });

  app.post("/login/choose", async (call) => {
    const { guest } = call.get("visitor");
    const [secret, again] = [call.get("form").get("secret") ?? "", call.get("form").get("again") ?? ""];
    if (guest === null || auth.isSet()) return gate(call);
    if (secret !== again) return gate(call, "The two are not the same.");
    return admit(call, () => auth.enter(guest.visit, secret));
  });

  app.post("/login/proof", async (call) => {
    const { guest } = call.get("visitor");
    const secret = call.get("form").get("secret") ?? "";
    // `enter` would take a first secret without asking for it twice.
    if (guest === null || !mayProve(guest) || !auth.isSet()) return gate(call);
    return admit(call, () => (guest.visit.isLive(nowMs()) ? auth.enter(guest.visit, secret) : auth.prove(secret)));
  });
  routeStop(app, desk, gate);
}

/** Leaving and stopping ask for no proof; what they take away, only a proof gives back. */
function routeStop(app: Hono<ConsoleEnv>, desk: Desk, gate: (call: Call) => Promise<Response>): void {
  app.post("/stop", async (call) => {
    if (call.get("visitor").guest === null) return gate(call);
    await desk.run(call, "stop", { reason: "stopped from the console" });
    if (desk.owner(call) !== null) return call.redirect("/", 303);
    return desk.goOn(call, { to: "/login", tone: "good", text: html`Everything is stopped.` });
  });

  app.post("/leave", async (call) => {
    desk.visits.leave(call.get("visitor"));
    call.set("visitor", { ...call.get("visitor"), guest: null });
    const message = { title: "You have left", text: "This browser knows nothing of yours any more.", next: "" };
    return desk.show(call, messagePage(message));
  });
}

function refusalText(waitMs: number): string {
  if (waitMs <= 0) return "That was not it.";
  return `That was not accepted. The next try is looked at in ${span(waitMs)}, an earlier one is not.`;
}
