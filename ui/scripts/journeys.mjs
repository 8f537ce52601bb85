// What people do in the web interface, done in a real browser with the real binary and real node types: make journeys.
import assert from "node:assert/strict";
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, freePort, Host, root, scenes, until } from "./host.mjs";
import { edit } from "./scenes/editor.mjs";
import { embedder } from "./scenes/embedder.mjs";

const folder = mkdtempSync(join(tmpdir(), "spinbot-journeys-"));
const film = join(root, "pipelines/explainer");
let browser, host;

/** open opens a page; whatever a page's script breaks at fails the journey when it is closed. */
async function open(t, url, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const broke = [];
  page.on("pageerror", (e) => broke.push(e.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(broke, []);
  });
  await page.goto(url);
  return page;
}

/** launch fills the explainer's form and starts it. It gives the run's id. */
async function launch(page, seconds = 12) {
  await page.goto(`${host.url}/pipelines/explainer`);
  await page.setInputFiles("input[type=file][aria-label=article]", `${film}/article.md`);
  await page.setInputFiles("input[type=file][aria-label=picture]", `${film}/picture.jpg`);
  await page.getByLabel("height", { exact: true }).selectOption("180");
  await page.getByLabel("target_seconds", { exact: true }).fill(`${seconds}`);
  await page.waitForSelector("button[aria-label^=Remove] >> nth=1"); // both files are there
  await page.click("button[type=submit]");
  await page.waitForURL(/\/runs\/run_/);
  return page.url().split("/").at(-1);
}

/** plays plays a film, and says how long and wide it is. */
const plays = (video) =>
  video.evaluate(async (v) => {
    v.muted = true;
    await v.play();
    await new Promise((done) => v.addEventListener("timeupdate", () => v.currentTime > 0.2 && done()));
    return { seconds: v.duration, width: v.videoWidth };
  });

/** drop lets a file go above what a selector finds. */
async function drop(page, selector, name, text) {
  const given = await page.evaluateHandle(([name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    return data;
  }, [name, Buffer.from(text).toString("base64")]);
  for (const kind of ["dragenter", "dragover", "drop"]) await page.dispatchEvent(selector, kind, { dataTransfer: given });
}

const state = async (id) => (await host.get(`/api/v1/runs/${id}`)).state;

/** asked waits until a run asks a person. */
const asked = (id) => until(`${id} asks`, async () => (await host.get("/api/v1/gates")).gates.some((g) => g.run === id));

before(async () => {
  browser = await browse();
  const own = join(folder, "host/state/pipelines.d");
  cpSync(join(root, "pipelines"), own, { recursive: true });
  writeFileSync(join(own, "explainer.hcl"), readFileSync(`${film}.hcl`, "utf8").replace("= 1080", "= 180").replace("= 40", "= 12")); // what Create does not ask
  host = await new Host(join(folder, "host"), await freePort()).start();
});

after(async () => {
  await browser?.close();
  await host?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("first visit, launch with a picture, watch, play the film", async (t) => {
  const page = await open(t, host.url);
  await page.click("nav >> text=Pipelines");
  await page.click("main li >> text=explainer");
  await page.waitForURL("**/pipelines/explainer");
  await launch(page);
  await page.waitForSelector("h1 + div >> text=Running");
  await page.waitForSelector("h1 + div >> text=Done", { timeout: 300_000 });
  const played = await plays(page.locator("section[aria-label=Results] video"));
  assert.ok(played.seconds > 8 && played.width === 320, JSON.stringify(played));
});

test("Create: a text and a picture become a film, which plays where it was asked for", async (t) => {
  const page = await open(t, host.url);
  await page.click("main >> text=Create");
  await page.click("button >> text=Generate");
  await page.waitForSelector("text=Say what it is about.");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
  await page.fill("textarea", readFileSync(`${film}/article.md`, "utf8"));
  await page.setInputFiles("input[type=file][aria-label=Picture]", `${film}/picture.jpg`);
  await page.waitForSelector("form img");
  await page.reload(); // which loses nothing
  await page.waitForSelector("form img");
  await page.click("button >> text=Generate");
  const card = page.locator("section[aria-label='Your films'] li").first();
  await card.getByText("Running").waitFor();
  await card.locator("video").waitFor({ timeout: 300_000 });
  const played = await plays(card.locator("video"));
  assert.ok(played.seconds > 8 && played.width === 320, JSON.stringify(played));
});

test("Create: a portrait speaks once whoever it is has agreed, and not before", async (t) => {
  const page = await open(t, `${host.url}/create?with=talking_avatar`);
  const consent = page.getByLabel("Whoever is shown and heard has agreed");
  const runs = async () => (await host.get("/api/v1/runs?pipeline=talking_avatar")).runs;
  await page.locator("textarea").fill("Hello. Now I speak.");
  await page.getByLabel("How it is made").selectOption("cpu");
  await page.setInputFiles("input[type=file][aria-label=Portrait]", join(root, "pipelines/talking_avatar/portrait.jpg"));
  await page.waitForSelector("form button[aria-label^=Remove]");
  assert.equal(await consent.isChecked(), false);
  await page.click("button >> text=Generate");
  await page.waitForSelector("form >> text=Nothing is made of a face or a voice before whoever it is has agreed.");
  assert.ok(await consent.evaluate((box) => box === document.activeElement));
  assert.deepEqual(await runs(), []);
  await consent.check();
  await page.click("form button[aria-label^=Remove]"); // another face is somebody else's
  assert.equal(await consent.isChecked(), false);
  await page.setInputFiles("input[type=file][aria-label=Portrait]", join(root, "pipelines/talking_avatar/portrait.jpg"));
  await page.waitForSelector("form button[aria-label^=Remove]");
  await consent.check();
  await page.click("button >> text=Generate");
  const card = page.locator("section[aria-label='Your films'] li", { hasText: "Hello. Now I speak." });
  await card.locator("video").waitFor({ timeout: 300_000 });
  const played = await plays(card.locator("video"));
  assert.ok(played.seconds > 1 && played.width > 300, JSON.stringify(played));
});

test("a workflow is dropped on Home, becomes a pipeline, and is never written over another", async (t) => {
  const page = await open(t, host.url);
  await page.waitForSelector("main >> text=Drop a file");
  await drop(page, "main h1", "Lake at dawn.json", readFileSync(join(scenes, "workflow.json"), "utf8"));
  await page.waitForURL(/\/open\?file=/);
  await page.waitForSelector("text=checkpoints/v1-5.safetensors");
  const review = page.url();
  await page.click("button >> text=Save, and go to launch");
  await page.waitForURL("**/pipelines/lake_at_dawn");
  assert.match((await host.get("/api/v1/pipelines/lake_at_dawn/source")).text, /comfyui\.workflow/);
  await page.goto(review);
  await page.click("button >> text=Save, and go to launch");
  await page.waitForSelector("text=There is a pipeline lake_at_dawn already");
  await page.getByLabel("Name of the pipeline").fill("lake_two");
  await page.click("button:enabled >> text=Save, and go to launch");
  await page.waitForURL("**/pipelines/lake_two");
});

test("a pipeline's file is opened, and the one that it replaces comes back", async (t) => {
  const page = await open(t, `${host.url}/open`);
  const file = (n) => `pipeline "opened" {}\noutput "n" {\n  value = ${n}\n}\n`;
  const text = async () => (await host.get("/api/v1/pipelines/opened/source")).text;
  for (const [n, button] of [[1, "Save, and go to launch"], [2, "Replace, and go to launch"]]) {
    await drop(page, "main h1", "any.hcl", file(n));
    await page.click(`button:enabled >> text=${button}`);
    await page.waitForURL("**/pipelines/opened");
    assert.equal(await text(), file(n));
    if (n === 1) await page.goto(`${host.url}/open`);
  }
  await page.click("button >> text=Undo");
  await until("the first is back", async () => (await text()) === file(1));
});

test("a run is exported, dropped on another host, and is there like that host's own", async (t) => {
  const made = await fetch(`${host.url}/api/v1/runs`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ pipeline: { text: 'pipeline "travels" {}\noutput "six" {\n  value = 2 * 3\n}\n' } }) });
  const { id } = await made.json();
  const page = await open(t, `${host.url}/runs/${id}`);
  const [saved] = await Promise.all([page.waitForEvent("download"), page.click("a >> text=Export")]);
  assert.equal(saved.suggestedFilename(), `${id}.tar`);
  const archive = readFileSync(await saved.path());
  const other = await new Host(join(folder, "other"), await freePort()).start();
  t.after(() => other.stop());
  await page.goto(other.url);
  await drop(page, "main h1", `${id}.tar`, archive);
  await page.waitForURL(/\/open\?file=/);
  await page.waitForSelector("section[aria-label='A run from elsewhere'] >> text=travels");
  assert.equal((await other.get("/api/v1/runs")).runs.length, 0); // looking takes nothing in
  await page.click("button >> text=Import");
  await page.waitForURL(`**/runs/${id}`);
  await page.waitForSelector("h1 + div >> text=Imported from");
  await page.goto(`${other.url}/open`);
  await drop(page, "main h1", `${id}.tar`, archive);
  await page.waitForSelector("text=This host has the run already");
  await page.click("a >> text=Go to the run");
  await page.waitForURL(`**/runs/${id}`);
  await page.goto(`${other.url}/open`);
  await drop(page, "main h1", "cut.tar", archive.subarray(0, 700));
  await page.waitForSelector("text=the archive is refused: it is cut off");
  assert.equal((await other.get("/api/v1/runs")).runs.length, 1);
});

test("an upload whose connection breaks goes on where it was", async (t) => {
  const page = await open(t, `${host.url}/pipelines/batch_upscale`);
  const offsets = [];
  await page.route("**/api/v1/uploads/*", async (route) => {
    if (route.request().method() !== "PATCH") return route.continue();
    const offset = Number(route.request().headers()["upload-offset"]);
    const lost = offsets.push(offset) === 2;
    return lost ? route.abort("connectionreset") : route.continue();
  });
  const size = 9 << 20;
  await page.setInputFiles("input[type=file][aria-label=pictures]", { name: "large.png", mimeType: "image/png", buffer: Buffer.concat([readFileSync(`${film}/picture.jpg`), Buffer.alloc(size - 1000, 7)]) });
  await page.waitForSelector("button[aria-label='Remove large.png']");
  assert.deepEqual(offsets, [0, 4 << 20, 4 << 20, 8 << 20]);
});

test("several runs are started at once, and taken back", async (t) => {
  await host.spinbot("queue", "pause");
  const page = await open(t, `${host.url}/pipelines/draft_then_finish`);
  await page.getByLabel("Several values for prompt, a run for each").click();
  await page.locator("textarea").fill("a lighthouse\na harbour");
  await page.getByLabel("Several values for seed, a run for each").click();
  await page.getByLabel("seed", { exact: true }).fill("1..2, 9");
  await page.waitForSelector("text=2 × 3 = 6 runs");
  await page.click("button >> text=Start 6 runs");
  await page.waitForURL("**/runs?of=draft_then_finish");
  await page.waitForSelector("main ul li >> nth=5");
  assert.equal((await host.get("/api/v1/queue")).total, 6);
  await page.click("button >> text=Undo");
  await until("the queue is empty", async () => (await host.get("/api/v1/queue")).total === 0);
  await host.spinbot("queue", "resume");
});

test("a reload in the middle of a run loses nothing", async (t) => {
  const page = await open(t, host.url);
  await launch(page);
  await page.waitForSelector("main >> text=/[1-9]\\d* of \\d+ nodes ended/");
  await page.reload();
  await page.waitForSelector("header >> text=Live");
  await page.waitForSelector("section[aria-label=Results] video", { timeout: 300_000 });
});

test("the host is killed and started again in the middle of a run, while the page is open", async (t) => {
  const page = await open(t, host.url);
  const id = await launch(page);
  await page.waitForSelector("main >> text=/[1-9]\\d* of \\d+ nodes ended/");
  await host.stop("SIGKILL");
  await page.waitForSelector("text=Reconnecting");
  assert.equal(await page.locator("h1").count(), 1); // what was there stays
  await host.start();
  await page.waitForSelector("header >> text=Live");
  await page.waitForSelector("section[aria-label=Results] video", { timeout: 300_000 });
  assert.equal(await state(id), "succeeded");
});

test("a pipeline is written with a mistake, mended, saved in spite of somebody else, and run", async (t) => {
  await edit(await open(t, `${host.url}/pipelines`, { viewport: { width: 1360, height: 850 } }), host.url);
});

test("a gate is answered, and another tab sees it", async (t) => {
  const id = await host.submit("cover.hcl");
  await asked(id);
  const page = await open(t, `${host.url}/approvals`);
  const other = await page.context().newPage();
  await other.goto(`${host.url}/runs/${id}`);
  await other.waitForSelector("text=Waits for you");
  await page.waitForSelector("main form img");
  await page.click("main form >> text=Approve");
  await other.waitForSelector("h1 + div >> text=Done");
  await other.waitForSelector("section[aria-label=Results] img");
  await page.waitForSelector("text=Nothing waits for you");
});

test("a run as a graph by keys, as a timeline, and beside another", async (t) => {
  const id = await host.submit("cover.hcl");
  await asked(id);
  const page = await open(t, `${host.url}/runs/${id}`);
  await page.click("[role=group][aria-label=View] >> text=Graph");
  await page.waitForSelector("[data-box=draft][aria-label*='3 Done']");
  await page.focus("[data-box=draft]");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("node") === "gate.choose");
  await page.click("section[aria-label='gate.choose'] form >> text=Approve");
  await page.waitForSelector("h1 + div >> text=Done");
  await page.waitForSelector("[data-box=final][aria-label*=Done]");
  await page.click("[data-box=draft]");
  await page.getByLabel("Instance 1 of 3").selectOption({ index: 2 });
  const panel = page.locator("section[aria-label='node.draft[2]']");
  await panel.locator("img").waitFor();
  await panel.getByRole("tab", { name: "Inputs" }).click();
  await panel.locator("dd >> text=The last ferry").waitFor(); // of its each.value
  await panel.getByRole("tab", { name: "Attempts" }).click();
  await panel.locator("ol[aria-label=Attempts] li", { hasText: "Attempt 1" }).locator("text=Done").waitFor();
  await page.click("[role=group][aria-label=View] >> text=Timeline");
  await page.waitForSelector("[role=listbox] [role=option] >> nth=4"); // three drafts, the gate and the end
  await page.click("button[aria-label='Zoom in']");
  await page.waitForSelector("button[aria-label='Show all']:enabled");

  const other = await host.submit("cover.hcl");
  await asked(other);
  await page.goto(`${host.url}/runs`);
  for (const one of [id, other]) await page.locator(`main li:has(a[href$="${one}"]) input`).check();
  await page.click("text=Compare these two");
  await page.waitForURL((url) => url.pathname === `/compare/${id}/${other}`);
  await page.waitForSelector("main >> text=They take nothing.");
  await page.waitForSelector("section[aria-label=Outputs] img");
  await page.waitForSelector("section[aria-label=Nodes] li:has-text('choose') >> [aria-label='Waits for you']");
});

test("a run is cancelled, and run again from a node", async (t) => {
  const id = await host.submit("cover.hcl");
  await asked(id);
  const page = await open(t, `${host.url}/runs/${id}`);
  await page.click("button >> text=Cancel run");
  await page.click("dialog[open] button >> text=Cancel run");
  await page.waitForSelector("h1 + div >> text=Cancelled");
  assert.equal(await state(id), "cancelled");
  await page.goto(`${host.url}/runs/${id}?node=${encodeURIComponent("node.draft[1]")}`);
  await page.click("button >> text=Rerun from here");
  await page.waitForURL((url) => /\/runs\/run_/.test(url.pathname) && !url.pathname.includes(id));
  const again = page.url().split("/").at(-1);
  await asked(again);
  const { nodes } = await host.get(`/api/v1/runs/${again}`);
  const how = Object.fromEntries(nodes.filter((n) => n.at.startsWith("node.draft[")).map((n) => [n.at, n.state]));
  assert.deepEqual(how, { "node.draft[0]": "cached", "node.draft[1]": "succeeded", "node.draft[2]": "cached" });
  await host.spinbot("cancel", again);
});

test("the queue is reordered by keys, one of it cancelled, and that taken back", async (t) => {
  await host.spinbot("queue", "pause");
  for (const scene of ["broken.hcl", "cover.hcl", "broken.hcl"]) await host.submit(scene);
  const waiting = async () => (await host.get("/api/v1/queue")).runs.map((r) => r.run);
  const settles = (want) => until(`${want} waits`, async () => new RegExp(`^${want}$`).test(`${await waiting()}`));
  const [first, second, third] = await waiting();
  const page = await open(t, `${host.url}/queue`);
  await page.locator("main ol li button").first().press("ArrowDown");
  await settles([second, first, third]);
  await page.waitForSelector(`main ol li:first-child a[href$='${second}']`);
  await page.locator("main ol li").first().locator("button").last().click();
  await page.click("[role=menuitem] >> text=Cancel run");
  await settles([first, third]);
  await page.click("button >> text=Undo");
  await settles(["run_\\w+", first, third]); // a new run, where the old one stood
  for (const id of await waiting()) await host.spinbot("cancel", id);
  await host.spinbot("queue", "resume");
});

test("the gallery is leafed through by keys alone", async (t) => {
  const page = await open(t, `${host.url}/gallery`);
  await page.waitForSelector("main ul li button");
  await page.focus("main [data-at='0']");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] dl");
  const second = page.url();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((was) => location.href !== was && location.search.includes("file="), second);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => location.search === "");
  await page.click("main [role=group] >> text=Films");
  await page.waitForFunction(() => location.search.includes("kind=") && [...document.querySelectorAll("main ul li button")].every((b) => b.textContent.includes(".mp4")));

  // what is looked for stays, with what is opened of it and after a reload
  await page.fill("main input[type=search]", "mp4");
  await page.waitForFunction(() => location.search.includes("q=mp4"));
  await page.reload();
  assert.equal(await page.inputValue("main input[type=search]"), "mp4");
  await page.click("main [data-at='0']");
  await page.waitForSelector("dialog[open] dl");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => location.search.includes("q=mp4") && location.search.includes("kind=") && !location.search.includes("file="));
});

test("captions are found in the gallery; what is looked for among node types stays in the address", async (t) => {
  const page = await open(t, `${host.url}/gallery`);
  await page.click("main [role=group] >> text=Captions");
  await page.waitForFunction(() => {
    const files = [...document.querySelectorAll("main ul li button")];
    return files.length > 0 && files.every((b) => b.textContent.includes(".srt") && b.textContent.includes(" --> ")); // how they begin is seen, too
  });
  await page.goto(`${host.url}/node-types`);
  await page.fill("main input[type=search]", "render wave");
  await page.click("main nav a >> text=render.waveform");
  await page.waitForFunction(() => location.search.includes("type=render.waveform") && location.search.includes("q=render"));
  await page.reload();
  assert.equal(await page.inputValue("main input[type=search]"), "render wave");
  await page.waitForFunction(() => document.querySelectorAll("main nav a").length === 1);
  await page.waitForSelector("main article[aria-label='render.waveform']");
});

test("a face becomes an asset: not used before there is consent, used by a form, removed", async (t) => {
  const page = await open(t, `${host.url}/library`);
  await page.waitForSelector("text=Nothing is in the library yet");
  await page.click("button >> text=Add");
  await page.setInputFiles("dialog input[type=file]", `${film}/picture.jpg`);
  await page.waitForSelector('dialog >> text=asset("face/picture")');
  await page.getByLabel("Name").fill("Anna Berg");
  await page.click("button >> text=Add to library");
  await page.waitForSelector("dialog >> text=Small letters, digits");
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Who agreed").fill("Anna");
  await page.click("button >> text=Add to library");
  await page.waitForSelector("dialog >> text=Consent has a person, a day and a purpose.");
  await page.getByLabel("Who agreed").fill("");
  await page.click("button >> text=Add to library");
  await page.waitForURL("**/library/face/anna");
  await page.waitForSelector("[role=alert]");
  const body = JSON.stringify({ pipeline: { text: 'pipeline "p" {}\noutput "x" { value = asset("face/anna") }\n' } });
  const make = () => fetch(`${host.url}/api/v1/runs`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  assert.match((await (await make()).json()).diagnostics[0].summary, /no consent to its use is recorded/);
  await page.click("button >> text=Edit");
  await page.getByLabel("Who agreed").fill("Anna Berg");
  await page.getByLabel("To what").fill("the film Shop");
  await page.click("button >> text=Save");
  await page.waitForSelector("dd >> text=Anna Berg");
  await page.waitForSelector("[role=alert]", { state: "detached" });
  assert.equal((await make()).status, 202);
  await page.click("section[aria-label='Use in'] >> text=explainer");
  await page.waitForURL(/\/pipelines\/explainer\?file=/);
  await page.goto(`${host.url}/library`);
  await page.click("main li >> text=anna");
  await page.click("button >> text=Remove");
  await page.click("dialog[open] button >> text=Remove");
  await page.waitForSelector("text=Nothing is in the library yet");
});

test("on a phone: launch, and answer", async (t) => {
  const page = await open(t, host.url, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  await launch(page);
  await page.waitForSelector("section[aria-label=Results] video", { timeout: 300_000 });
  const id = await host.submit("cover.hcl");
  await asked(id);
  await page.tap("nav >> text=Approvals >> visible=true");
  await page.tap("main form >> text=Reject");
  await until(`${id} ends`, async () => (await state(id)) === "succeeded"); // who rejects lets the rest be skipped
});

test("a device is taken out of use with a reason, and used again", async (t) => {
  const page = await open(t, `${host.url}/machines?machine=local&device=FAKE-left`);
  const card = page.locator("article[aria-label] article", { hasText: "FAKE-left" });
  await card.locator("canvas").waitFor(); // its past is drawn
  await card.getByRole("button", { name: "Take out of use" }).click();
  await page.fill("dialog[open] input[name=why]", "a game tonight");
  await page.click("dialog[open] button[type=submit]");
  await card.getByText("Out of use: a game tonight").waitFor();
  assert.equal((await host.get("/api/v1/devices")).devices.find((d) => d.uuid === "FAKE-left").held, "a game tonight");
  await page.click("[role=group][aria-label='Shown as'] >> text=Tables");
  await card.locator("tbody tr").first().waitFor();
  await card.getByRole("button", { name: "Use again" }).click();
  await until("it is used again", async () => !(await host.get("/api/v1/devices")).devices.find((d) => d.uuid === "FAKE-left").held);
});

test("a run that ends and a gate that opens are told of, but not where they are seen", async (t) => {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  t.after(() => context.close());
  // The browser without a screen shows none: what it was given is what counts.
  await context.addInitScript(() => {
    window.told = [];
    window.Notification = class {
      static permission = "default";
      static requestPermission = async () => (window.Notification.permission = "granted");
      constructor(title, options) {
        window.told.push(`${title}|${options.body ?? ""}`);
        window.notice = this;
      }
      close() {}
    };
    if (sessionStorage.getItem("asked")) window.Notification.permission = "granted";
    sessionStorage.setItem("asked", "1");
  });
  const page = await context.newPage();
  await page.goto(`${host.url}/settings`);
  await page.getByLabel("When a run ends").check();
  await page.getByLabel("When a run asks something").check();
  await page.reload(); // it is kept
  await page.getByLabel("When a run ends").and(page.locator(":checked")).waitFor();
  await page.waitForSelector("header >> text=Live");
  const id = await host.submit("cover.hcl");
  await page.waitForFunction(() => window.told.length === 1, undefined, { timeout: 60_000 });
  assert.match((await page.evaluate(() => window.told))[0], /^cover waits for you\|./);
  await page.evaluate(() => window.notice.onclick());
  await page.waitForURL(`**/runs/${id}?node=*`);
  await page.bringToFront();
  await host.spinbot("approve", id, "gate.choose");
  await page.waitForSelector("h1 + div >> text=Done");
  assert.equal((await page.evaluate(() => window.told)).length, 1); // its page is what is seen
  await page.click("nav >> text=Settings");
  await host.submit("broken.hcl");
  await page.waitForFunction(() => window.told.length === 2, undefined, { timeout: 60_000 });
  assert.match((await page.evaluate(() => window.told))[1], /: Failed\|$/);
});

test("an admin makes a token, which is shown once, and revokes it; deletes a model file; and all that stands in the audit log", async (t) => {
  const models = join(folder, "models/loras");
  mkdirSync(models, { recursive: true });
  writeFileSync(join(models, "ink.safetensors"), "ink");
  utimesSync(join(models, "ink.safetensors"), 1e9, 1e9); // it is whole
  const locked = await new Host(join(folder, "admin"), await freePort(), `models "all" {\n  folder = "${join(folder, "models")}"\n}\n`).start();
  t.after(() => locked.stop());
  const { stdout } = await locked.spinbot("token", "new", "root", "--role", "admin");
  const page = await open(t, `${locked.url}/settings?part=access`);
  await page.fill("input[name=token]", stdout.match(/spinbot_\S+/)[0]);
  await page.click("button[type=submit]");
  await page.click("button >> text=New token");
  await page.fill("dialog[open] input[name=name]", "laptop");
  await page.selectOption("dialog[open] select[name=role]", "viewer");
  await page.click("dialog[open] button[type=submit]");
  const made = (await page.locator("dialog[open] >> text=/^spinbot_/").textContent()).trim();
  const asks = async () => (await fetch(`${locked.url}/api/v1/me`, { headers: { Authorization: `Bearer ${made}` } })).status;
  assert.equal(await asks(), 200);
  await page.click("dialog[open] >> text=I have it");
  await page.waitForSelector("text=/spinbot_/", { state: "detached" });
  await page.click("[aria-label='Revoke laptop']");
  await page.click("dialog[open] button >> text=Revoke");
  await until("the token counts no more", async () => (await asks()) === 401);
  await page.click("nav >> text=Models");
  await page.click("main [role=option] >> text=ink.safetensors");
  await page.click("[aria-label='Delete from This machine']");
  await page.click("dialog[open] button >> text=Delete");
  await page.waitForSelector("text=No model files are known");
  assert.equal(existsSync(join(models, "ink.safetensors")), false);
  await page.click("nav >> text=Settings");
  await page.click("main nav >> text=Audit");
  for (const deed of ["remove model", "revoke token", "make token"]) await page.waitForSelector(`main li >> text=${deed}`);
});

test("notes are found by what they are about, and what reading them cost stands in the bill", async (t) => {
  const ollama = await embedder();
  t.after(() => ollama.close());
  const own = new Host(join(folder, "bill"), await freePort(), `${ollama.config}bill {\n  currency = "EUR"\n  gpu_hour = 360000\n}\n`);
  await own.spinbot("plugins"); // a host whose file has settings of plugins starts when it knows all of them, and now it does
  await own.start();
  t.after(() => own.stop());
  const id = await own.submit("notes.hcl");
  const page = await open(t, `${own.url}/runs/${id}`);
  await page.waitForSelector("h1 + div >> text=Done");
  const spent = page.locator("section[aria-label=Bill]");
  await spent.getByText(/^€\d/).waitFor();
  await spent.getByText("GPU time", { exact: true }).waitFor();

  await page.click("nav >> text=Settings");
  await page.click("main nav >> text=Bill");
  const groups = page.locator("section[aria-label='By whom, and for what']");
  for (const [by, what] of [["Pipeline", "notes"], ["Node type", "ollama.embed"], ["Device", "ollama at"]]) {
    await groups.getByRole("button", { name: by, exact: true }).click();
    await groups.locator("li", { hasText: what }).getByText(/^€\d/).waitFor();
  }
  const [saved] = await Promise.all([page.waitForEvent("download"), groups.getByText("Save as CSV").click()]);
  assert.match(saved.suggestedFilename(), /^spinbot-bill-by-device-since-/);
  assert.match(readFileSync(await saved.path(), "utf8"), /ENGINE-ollama/);

  await until("all notes are described", async () => (await own.get("/api/v1/search")).described === 3);
  await page.click("nav >> text=Gallery");
  await page.click("[role=group][aria-label='Find by'] >> text=Meaning");
  await page.getByLabel("Describe what you look for").fill("a lighthouse among waves");
  const first = page.locator("main ul[aria-label=Gallery] li").first();
  await first.getByText("note 1.txt").waitFor();
  await first.getByText(/^\d+ %$/).waitFor();
  await page.reload(); // it stands in the address
  await first.getByText("note 1.txt").waitFor();
  ollama.close();
  await page.getByLabel("Describe what you look for").fill("note 3");
  await page.click("button >> text=Find by name instead");
  await page.waitForFunction(() => document.querySelectorAll("main ul[aria-label=Gallery] button").length === 1);
  await first.getByText("note 3.txt").waitFor();
});

test("signing in with a token", async (t) => {
  mkdirSync(join(folder, "token/state/pipelines.d"), { recursive: true });
  writeFileSync(join(folder, "token/state/pipelines.d/seen.hcl"), 'pipeline "seen" {}\nnode "voice.say" "hello" {\n  text = "Hello."\n}\n');
  const locked = await new Host(join(folder, "token"), await freePort()).start();
  t.after(() => locked.stop());
  const { stdout } = await locked.spinbot("token", "new", "journeys", "--role", "viewer");
  const page = await open(t, `${locked.url}/runs`);
  await page.fill("input[name=token]", "spinbot_wrong");
  await page.click("button[type=submit]");
  await page.waitForSelector("[role=alert]");
  await page.fill("input[name=token]", stdout.match(/spinbot_\S+/)[0]);
  await page.click("button[type=submit]");
  await page.waitForSelector("h1 >> text=Runs");
  await page.waitForSelector("header >> text=Live");

  // a viewer looks at a pipeline's file, and cannot change it
  await page.setViewportSize({ width: 1360, height: 850 });
  await page.goto(`${locked.url}/pipelines/seen/edit`);
  await page.waitForSelector("main >> text=You may look, and not save");
  await page.click(".cm-line >> text=Hello.");
  await page.keyboard.type("changed");
  await page.keyboard.press("Control+s");
  await page.waitForSelector("[data-box=hello]"); // the graph is there
  assert.equal((await page.locator(".cm-content").innerText()).includes("changed"), false);
  for (const name of ["Save", "Format", "More"]) assert.equal(await page.locator(`main button:has-text("${name}"), main button[aria-label="${name}"]`).count(), 0, name);
});

/** provider is a provider of OpenID Connect that signs in whoever comes as anna, who is of the staff. It holds the client to PKCE. */
async function provider() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const b64 = (x) => Buffer.from(typeof x === "string" ? x : JSON.stringify(x)).toString("base64url");
  const codes = new Map();
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, issuer);
    const json = (x) => res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(x));
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json({ issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys`, id_token_signing_alg_values_supported: ["RS256"], subject_types_supported: ["public"], response_types_supported: ["code"] });
      case "/keys":
        return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }] });
      case "/authorize": {
        const code = randomBytes(12).toString("hex");
        codes.set(code, url.searchParams);
        return res.writeHead(302, { Location: `${url.searchParams.get("redirect_uri")}?code=${code}&state=${url.searchParams.get("state")}` }).end();
      }
      case "/token": {
        let body = "";
        for await (const part of req) body += part;
        const given = new URLSearchParams(body);
        const asked = codes.get(given.get("code"));
        codes.delete(given.get("code"));
        if (asked?.get("code_challenge") !== createHash("sha256").update(given.get("code_verifier") ?? "").digest("base64url")) return res.writeHead(400).end();
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: issuer, aud: "spinbot", sub: "1", preferred_username: "anna", groups: ["staff"], nonce: asked.get("nonce"), iat: now, exp: now + 300 };
        const said = `${b64({ alg: "RS256", kid: "1" })}.${b64(claims)}`;
        return json({ access_token: "a", token_type: "Bearer", id_token: `${said}.${createSign("RSA-SHA256").update(said).sign(privateKey).toString("base64url")}` });
      }
      default:
        return res.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  return { issuer, close: () => server.close() };
}

test("signing in with a provider of OpenID Connect", async (t) => {
  const staff = await provider();
  t.after(() => staff.close());
  const port = await freePort();
  const config = `auth {
  oidc {
    issuer             = "${staff.issuer}"
    client_id          = "spinbot"
    client_secret_file = "${join(folder, "oidc.secret")}"
    redirect           = "http://127.0.0.1:${port}/api/v1/session/oidc/callback"
    user_claim         = "preferred_username"
    roles_claim        = "groups"
    roles {
      operator = ["staff"]
    }
  }
}
`;
  writeFileSync(join(folder, "oidc.secret"), "of the client", { mode: 0o600 });
  const locked = await new Host(join(folder, "oidc"), port, config).start();
  t.after(() => locked.stop());
  const page = await open(t, `${locked.url}/runs`);
  await page.click("text=Sign in with your provider");
  await page.waitForSelector("h1 >> text=Runs");
  await page.waitForSelector("header >> text=Live");
  await page.waitForSelector("button[aria-label='anna, operator'] >> visible=true");
});

test("every page can be used by whoever cannot see it, or only badly", async (t) => {
  const list = (await host.get("/api/v1/runs?limit=50")).runs;
  const done = list.find((r) => r.pipeline === "explainer" && r.state === "succeeded")?.id ?? (await launch(await open(t, host.url)));
  const wrong = [];
  for (const [path, ready] of [
    ["/", "section[aria-label='Recent results'] img"],
    ["/create", "main h2"],
    ["/runs", "main ul li"],
    [`/runs/${done}`, "video"],
    [`/runs/${done}?node=node.plan`, "[role=tablist]"],
    [`/runs/${done}?view=graph`, ".react-flow__node"],
    [`/runs/${done}?view=timeline`, "main [role=option]"],
    ["/approvals", "main :is(form, h2)"],
    ["/queue", "main :is(ol, h2)"],
    ["/pipelines", "main ul li"],
    ["/pipelines/explainer", "main form"],
    ["/pipelines/explainer/edit", ".cm-line"],
    ["/gallery", "main ul li img"],
    ["/library", "main :is(ul, h2)"],
    ["/node-types?type=voice.say", "main article"],
    ["/machines?machine=local", "main article canvas"],
    ["/models", "main :is([role=option], h2)"],
    ["/settings", "main section"],
  ])
    wrong.push(...(await axe(browser, host.url + path, ready)).map((w) => `${path} ${w}`));
  assert.deepEqual(wrong, []);
});
