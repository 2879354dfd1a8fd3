import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { ask, browse, ownersBrowser, type Answer, type Browser } from "../../tests/fixtures/console-browser.ts";
import { DIGEST, SECRET, startConsole, type Running } from "../../tests/fixtures/console.ts";

let running: Running;
let owner: Browser;
before(async () => {
  running = await startConsole();
  owner = await ownersBrowser(running);
});
after(() => running.close());

function answersGiven(): readonly JsonObject[] {
  return running.called.filter(({ name }) => name === "question.answer").map(({ input }) => input);
}

const PAGES = [
  "/",
  "/q/7KQ",
  "/activity",
  "/activity?request=r-1",
  "/why/7KQ",
  "/stack",
  "/resume",
  "/login?code=x",
  "/activity/nothing",
];

describe("before anything else", () => {
  test("a foreign Host gets 403, on every path and before a page is made", async () => {
    for (const path of ["/", "/login?code=x", "/live", "/assets/console.css"]) {
      for (const host of ["evil.example", `evil.example:${new URL(running.origin).port}`, "127.0.0.1"]) {
        assert.equal((await ask(running, path, { headers: { host } })).status, 403, `${path} ${host}`);
      }
    }
  });

  test("a foreign Origin gets 403, reading or writing", async () => {
    for (const origin of ["https://evil.example", `${running.origin}.evil.example`, "null"]) {
      assert.equal((await owner.get("/", { origin })).status, 403, origin);
      assert.equal((await owner.post("/stop", {}, { origin })).status, 403, origin);
    }
  });

  test("a form from another site, or from a program that names no page, gets 403", async () => {
    assert.equal((await owner.post("/stop", {}, { "sec-fetch-site": "cross-site" })).status, 403);
    assert.equal((await owner.post("/stop", {}, { "sec-fetch-site": "none" })).status, 403);
    const headers = { cookie: owner.cookie, "content-type": "application/x-www-form-urlencoded" };
    assert.equal((await ask(running, "/stop", { method: "POST", headers, body: "" })).status, 403);
    assert.equal((await owner.get("/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).status, 403);
  });

  test("a browser that hides the Origin of our own form is believed by Sec-Fetch-Site alone", async () => {
    const answer = await owner.post("/seen", {}, { origin: "null", "sec-fetch-site": "same-origin" });
    assert.match(answer.body, /not from this visit/);
  });

  test("other methods are refused", async () => {
    for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH"])
      assert.equal((await ask(running, "/", { method })).status, 403);
  });

  test("paths that are not the console's are left to others", async () => {
    assert.equal((await ask(running, "/mcp")).body, "elsewhere");
  });
});

describe("every answer", () => {
  test("carries the policy and allows no other origin", async () => {
    const answers: Answer[] = [await ask(running, "/", { headers: { host: "evil.example" } })];
    for (const path of [...PAGES, "/assets/console.js"]) answers.push(await owner.get(path));
    answers.push(
      await owner.submit("/seen", { request: "r-9" }),
      await owner.post("/seen", {}),
      await browse(running).get("/"),
    );
    for (const { headers } of answers) {
      assert.match(String(headers["content-security-policy"]), /^default-src 'none';.*frame-ancestors 'none'$/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["referrer-policy"], "no-referrer");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["cross-origin-opener-policy"], "same-origin");
      assert.equal(headers["cross-origin-resource-policy"], "same-origin");
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
  });

  test("points nowhere outside and runs nothing inline", async () => {
    for (const path of PAGES) {
      const { body } = await owner.get(path);
      for (const [, target] of body.matchAll(/(?:href|src|action)="([^"]*)"/g))
        assert.match(target ?? "", /^(?:\/(?!\/)|#)/, path);
      assert.doesNotMatch(body, /<style|<script(?! src="\/assets\/console\.js" defer><\/script>)|\sstyle=|\son\w+=/i);
    }
  });

  test("the one script stays small", async () => {
    assert.ok((await owner.get("/assets/console.js")).body.length < 3_000);
  });

  test("the cookie is out of reach of scripts and other sites, and named after the port", async () => {
    const { headers } = await browse(running).get("/login");
    const [cookie = ""] = headers["set-cookie"] ?? [];
    assert.match(cookie, new RegExp(`^freehold-${new URL(running.origin).port}=`));
    for (const part of ["HttpOnly", "SameSite=Strict", "Path=/"]) assert.match(cookie, new RegExp(part));
    assert.doesNotMatch(cookie, /Secure/);
    const proxied = await browse(running).get("/login", { "x-forwarded-proto": "https" });
    assert.match(String(proxied.headers["set-cookie"]), /Secure/);
  });
});

describe("the way in", () => {
  test("without a session every page leads to one that says how to get a link", async () => {
    const stranger = browse(running);
    for (const path of ["/", "/q/7KQ", "/activity", "/why/1", "/stack", "/resume"]) {
      const answer = await stranger.get(path);
      assert.deepEqual([answer.status, answer.headers["location"]], [303, "/login"], path);
    }
    const { status, body } = await stranger.get("/login");
    assert.equal(status, 401);
    assert.match(body, /freehold link/);
    assert.equal((await stranger.get("/live")).status, 401);
  });

  test("looking at a link does not use it up, the button does, and only once", async () => {
    const code = running.auth.mintLink();
    for (let look = 0; look < 3; look += 1)
      assert.equal((await browse(running).get(`/login?code=${code}`)).status, 200);
    const first = browse(running);
    await first.get(`/login?code=${code}`);
    const name = first.cookie;
    assert.equal((await first.submit("/login", { code })).status, 303);
    assert.notEqual(first.cookie, name, "a name that was known before must be worth nothing");
    const second = browse(running);
    await second.get(`/login?code=${code}`);
    const replay = await second.submit("/login", { code });
    assert.equal(replay.status, 403);
    assert.match(replay.body, /used already/);
  });

  test("a link alone shows nothing of the owner's and answers nothing", async () => {
    const code = running.auth.mintLink();
    const guest = browse(running);
    await guest.get(`/login?code=${code}`);
    await guest.submit("/login", { code });
    await guest.get("/login");
    assert.equal((await guest.get("/")).headers["location"], "/login");
    const given = answersGiven().length;
    assert.equal((await guest.submit("/q/7KQ", { answer: "yes" })).headers["location"], "/login");
    assert.equal((await guest.submit("/resume")).headers["location"], "/login");
    assert.equal(answersGiven().length, given);
    assert.equal((await guest.submit("/stop")).status, 303, "but it may stop everything");
  });

  test("the first visit chooses a secret twice, and a weak one is said to be weak", async () => {
    const fresh = await startConsole();
    try {
      const code = fresh.auth.mintLink();
      const first = browse(fresh);
      await first.get(`/login?code=${code}`);
      await first.submit("/login", { code });
      assert.match((await first.get("/login")).body, /Choose a PIN/);
      assert.match((await first.submit("/login/choose", { secret: SECRET, again: `${SECRET}x` })).body, /not the same/);
      assert.match((await first.submit("/login/choose", { secret: "111111", again: "111111" })).body, /guessed|short/);
      assert.equal((await first.submit("/login/proof", { secret: SECRET })).status, 200);
      assert.equal(fresh.auth.isSet(), false, "the proof page must not set a first secret");
      assert.equal((await first.submit("/login/choose", { secret: SECRET, again: SECRET })).headers["location"], "/");
      assert.equal((await first.get("/")).status, 200);
    } finally {
      await fresh.close();
    }
  });

  test("wrong proofs are refused and the wait is said; an expired session asks for the proof alone", async () => {
    const own = await startConsole();
    try {
      const browser = await ownersBrowser(own);
      own.clockMs += 16 * 60_000;
      assert.equal((await browser.get("/")).headers["location"], "/login");
      assert.match((await browser.get("/login")).body, /Is it you/);
      let said = "";
      for (let tried = 0; tried < 6; tried += 1)
        said = (await browser.submit("/login/proof", { secret: "not it at all" })).body;
      assert.match(said, /next try is looked at in \d+ s/);
      own.clockMs += 3_600_000;
      assert.equal((await browser.submit("/login/proof", { secret: SECRET })).headers["location"], "/");
    } finally {
      await own.close();
    }
  });

  test("leaving ends the session", async () => {
    const browser = await ownersBrowser(running);
    const before = browser.cookie;
    assert.equal((await browser.submit("/leave")).status, 200);
    browser.cookie = before;
    assert.equal((await browser.get("/")).headers["location"], "/login");
  });
});

describe("answering", () => {
  test("a form without this visit's token changes nothing", async () => {
    const given = running.called.filter(({ name }) => name !== "status").length;
    const stranger = browse(running);
    await stranger.get("/login?code=x");
    const foreign = /value="([^"]+)"/.exec((await stranger.get("/login?code=x")).body)?.[1] ?? "";
    for (const csrf of ["", "x".repeat(43), foreign]) {
      for (const path of ["/q/7KQ", "/stop", "/resume", "/seen", "/apply", "/leave"]) {
        assert.equal((await owner.post(path, { csrf, answer: "yes" })).status, 403, path);
      }
    }
    const text = { "content-type": "text/plain" };
    assert.equal((await owner.post("/stop", {}, text)).status, 403);
    assert.equal(running.called.filter(({ name }) => name !== "status").length, given);
  });

  test("a form that is too large is refused and not read to its end", async () => {
    const padding = "x".repeat(20_000);
    assert.equal((await browse(running).post("/login", { padding })).status, 413);
    assert.equal((await owner.submit("/stop", { padding })).status, 413);
    assert.equal((await owner.submit("/q/7KQ", { padding: "x".repeat(5_000_000) })).status, 413);
  });

  test("yes, no with a reason and later reach the question, and the next page says what happened", async () => {
    const fields = { digest: DIGEST };
    const yes = await owner.submit("/q/7KQ", { ...fields, answer: "yes" });
    assert.deepEqual(answersGiven().at(-1), { id: "7KQ", answer: "yes" });
    assert.match((await owner.get(String(yes.headers["location"]))).body, /Done: files\.write_file ran once/);
    const no = await owner.submit("/q/7KQ", { ...fields, answer: "no", note: "not this folder" });
    assert.deepEqual(answersGiven().at(-1), { id: "7KQ", answer: "no", note: "not this folder" });
    assert.match((await owner.get(String(no.headers["location"]))).body, /You said no/);
    await owner.submit("/q/7KQ", { ...fields, answer: "later" });
    assert.deepEqual(answersGiven().at(-1), { id: "7KQ", answer: "later" });
  });

  test("an answer to another call than the one that was shown is not sent", async () => {
    const given = answersGiven().length;
    const answer = await owner.submit("/q/7KQ", { digest: "0".repeat(64), answer: "yes" });
    assert.match((await owner.get(String(answer.headers["location"]))).body, /not the one you saw/);
    assert.equal(answersGiven().length, given);
  });

  test("an edit is sent as the owner wrote it, and text that is no object comes back with the reason", async () => {
    const fields = { digest: DIGEST, answer: "edit" };
    const broken = await owner.submit("/q/7KQ", { ...fields, args: '{"path":"a","path":"b"}' });
    assert.equal(broken.status, 400);
    assert.match(broken.body, /stands twice/);
    assert.match(broken.body, /\{&quot;path&quot;:&quot;a&quot;,&quot;path&quot;:&quot;b&quot;\}<\/textarea>/);
    await owner.submit("/q/7KQ", { ...fields, args: '{ "path": "/home/ada/other.md",\r\n "content": "" }' });
    assert.deepEqual(answersGiven().at(-1), {
      id: "7KQ",
      answer: "yes",
      args: { path: "/home/ada/other.md", content: "" },
    });
  });

  test("a refusal of the door is told, whatever its kind", async () => {
    const fields = { digest: DIGEST, answer: "yes" };
    for (const [outcome, said] of [
      [{ kind: "denied", reason: "everything <b>is</b> stopped" }, /Not done: everything &lt;b&gt;is/],
      [{ kind: "failed", reason: "no space" }, /was sent and failed: no space/],
      [{ kind: "waiting", question: "8AB" }, /asked anew/],
      [{ kind: "withheld", reason: "above its card" }, /held back: above its card/],
    ] as const) {
      running.override.set("question.answer", () => ({ id: "7KQ", state: "spent", outcome }));
      const answer = await owner.submit("/q/7KQ", fields);
      assert.match((await owner.get(String(answer.headers["location"]))).body, said);
    }
    running.override.set("question.answer", () => {
      throw new Fault("question.closed", { message: "question 7KQ: it has expired." });
    });
    const answer = await owner.submit("/q/7KQ", fields);
    assert.match((await owner.get(String(answer.headers["location"]))).body, /Not done: question 7KQ: it has expired/);
    running.override.clear();
  });

  test("a fact of the scanner has a box of its own, an opinion none, and their text is shown as it is", async () => {
    const about = {
      server: "files",
      where: "tool read",
      line: 1,
      offset: 0,
      rule: "hidden.direction",
      says: "reorders",
    };
    const findings = [
      { ...about, kind: "fact", id: "f1", quote: "<b>\\u202e" },
      { ...about, kind: "opinion", id: "o1", quote: "do not tell" },
    ];
    running.override.set("plan", () => ({ digest: "c".repeat(64), changes: [], diff: "+ a", findings }));
    const page = (await owner.get("/stack")).body;
    running.override.clear();
    assert.match(page, /<input type="checkbox" name="read" value="f1" required/);
    assert.doesNotMatch(page, /value="o1"|<b>/);
    assert.match(page, /do not tell/);
  });

  test("stop takes one tap; resume, seen and apply reach their operations", async () => {
    await owner.submit("/stop");
    await owner.submit("/resume");
    await owner.submit("/seen", { request: "r-7" });
    await owner.submit("/apply", { digest: "c".repeat(64), read: "f1" });
    const inputs = running.called
      .filter(({ name }) => ["stop", "resume", "unknown.seen", "apply"].includes(name))
      .slice(-4);
    assert.deepEqual(
      inputs.map(({ name, input }) => [name, input]),
      [
        ["stop", { reason: "stopped from the console" }],
        ["resume", {}],
        ["unknown.seen", { request: "r-7" }],
        ["apply", { digest: "c".repeat(64), read: ["f1"] }],
      ],
    );
  });
});
