// Photographs every page in both themes and at the size of a phone, of the real binary with real runs: make screenshots.
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { edit } from "./scenes/editor.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = process.argv[2] ?? join(root, "ui/screenshots");
const binary = join(root, "bin/spinbot");
const scenes = join(root, "ui/scripts/scenes");
const run = promisify(execFile);
const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const freePort = () =>
  new Promise((done) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** host starts spinbot serve in a folder of its own, and waits until it answers. */
async function host(folder, port) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "spinbot.hcl"), 'device "fake" "left" { memory = "24GiB" }\ndevice "fake" "right" { memory = "12GiB" }\n');
  const env = { ...process.env, SPINBOT_STATE_DIR: join(folder, "state"), SPINBOT_CONFIG: join(folder, "spinbot.hcl"), SPINBOT_LISTEN: `127.0.0.1:${port}` };
  const server = spawn(binary, ["serve"], { env, stdio: ["ignore", "inherit", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + 30_000; ; ) {
    const answered = await fetch(`${url}/health`).then((r) => r.ok, () => false);
    if (answered) break;
    if (Date.now() > until || server.exitCode !== null) throw new Error("screenshots: spinbot serve does not answer; what it said stands above");
    await new Promise((next) => setTimeout(next, 50));
  }
  return { url, spinbot: (...args) => run(binary, args, { env, cwd: folder }), stop: () => new Promise((done) => (server.once("exit", done), server.kill("SIGTERM"))) };
}

/** submit makes a run and does not wait for it. */
async function submit(url, scene) {
  const body = JSON.stringify({ pipeline: { name: scene, text: readFileSync(join(scenes, scene), "utf8") } });
  const made = await fetch(`${url}/api/v1/runs`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!made.ok) throw new Error(`screenshots: ${scene}: ${await made.text()}`);
}

const wrong = [];

/** shoot takes one page as it is seen on a desk in both themes, and on a phone. */
async function shoot(browser, url, name, path, ready, act) {
  for (const [as, options] of [
    ["light", { colorScheme: "light", viewport: { width: 1360, height: 850 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 850 } }],
    ["phone", { colorScheme: "dark", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ]) {
    const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.on("console", (m) => m.type() === "error" && !/status of (401|404)/.test(m.text()) && wrong.push(`${name} ${as}: ${m.text()}`));
    page.on("pageerror", (e) => wrong.push(`${name} ${as}: ${e.message}`));
    await page.goto(url + path);
    await page.waitForSelector(ready, { timeout: 20_000 });
    await act?.(page);
    await page.waitForLoadState("networkidle").catch(() => undefined); // a socket is open
    if (!act) await page.evaluate(() => document.activeElement?.blur());
    const wide = (await page.evaluate(() => Math.max(...[...document.querySelectorAll("main *")].map((el) => Math.round(el.getBoundingClientRect().right))))) - options.viewport.width;
    if (wide > 0) wrong.push(`${name} ${as}: the page is ${wide} pixels wider than the screen`);
    // The whole page, in a window as high: what sticks to an edge is where it belongs.
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    if (!act) await page.setViewportSize({ ...options.viewport, height });
    await page.screenshot({ path: join(out, `${name}-${as}.png`) });
    await context.close();
  }
}

/** axe holds a page to WCAG 2.2 AA. It is put in past the page's policy, which keeps strangers' scripts out. */
async function axe(browser, url, name, path, ready) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ bypassCSP: true, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.goto(url + path);
    await page.waitForSelector(ready, { timeout: 20_000 });
    await page.addScriptTag({ path: join(root, "ui/node_modules/axe-core/axe.min.js") });
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
    for (const v of violations) wrong.push(`${name} ${colorScheme}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
    await context.close();
  }
}

/** live watches a run end in an open page, while the host is stopped and started again. */
async function live(browser, full, again, hosts, id) {
  const page = await browser.newPage();
  await page.goto(`${full.url}/runs/${id}`);
  await page.waitForSelector("text=Waits for you");
  await full.stop();
  hosts.splice(hosts.indexOf(full), 1);
  await page.waitForSelector("text=Reconnecting", { timeout: 10_000 });
  hosts.push(await again());
  await page.waitForSelector("header >> text=Live", { timeout: 20_000 });
  await full.spinbot("approve", id, "gate.choose");
  await page.waitForSelector("section[aria-label=Results] img", { timeout: 20_000 });
  await page.waitForSelector("h1 + div >> text=Done", { timeout: 10_000 });
  await page.close();
}

/** reorder moves a run that waits with the keyboard, cancels exactly one, and takes that back. */
async function reorder(browser, url) {
  const waiting = async () => (await (await fetch(`${url}/api/v1/queue`)).json()).runs.map((r) => r.run);
  const settles = async (want, what) => {
    for (const until = Date.now() + 10_000; Date.now() < until; await new Promise((next) => setTimeout(next, 50))) if (new RegExp(`^${want}$`).test(`${await waiting()}`)) return;
    wrong.push(`queue: ${what}: ${await waiting()} waits, not ${want}`);
  };
  const [first, second, third] = await waiting();
  const page = await browser.newPage();
  await page.goto(`${url}/queue`);
  await page.locator("main ol li button").first().press("ArrowDown");
  await settles([second, first, third], "arrow down on the first");
  await page.waitForSelector(`main ol li:first-child a[href$='${second}']`);
  await page.locator("main ol li").first().locator("button").last().click();
  await page.click("[role=menuitem] >> text=Cancel run");
  await settles([first, third], "cancel of the first");
  await page.click("button >> text=Undo");
  await settles(["run_\\w+", first, third], "undo of the cancel"); // a new run, where the old one stood
  await page.close();
}

/** leaf goes through the gallery by keys alone: to the second file, open, to the next, closed, and only films. */
async function leaf(browser, url) {
  const page = await browser.newPage();
  await page.goto(`${url}/gallery`);
  await page.waitForSelector("main ul li button");
  await page.focus("main [data-at='0']");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] dl");
  const second = page.url();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((was) => location.href !== was && location.search.includes("file="), second, { timeout: 5000 });
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => location.search === "", undefined, { timeout: 5000 });
  await page.click("main [role=group] >> text=Films");
  await page.waitForFunction(() => location.search.includes("kind=") && [...document.querySelectorAll("main ul li button")].every((b) => b.textContent.includes(".mp4")), undefined, { timeout: 5000 });
  await page.close();
}

/** signIn takes a wrong token, which is refused in words, and then the right one. */
async function signIn(browser, url, token) {
  const page = await browser.newPage();
  await page.goto(`${url}/runs`);
  await page.fill("input[name=token]", "spinbot_wrong");
  await page.click("button[type=submit]");
  await page.waitForSelector("[role=alert]");
  await page.fill("input[name=token]", token);
  await page.click("button[type=submit]");
  await page.waitForSelector("h1 >> text=Runs");
  await page.waitForSelector("header >> text=Live");
  await page.close();
}

const folder = mkdtempSync(join(tmpdir(), "spinbot-screens-"));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
const hosts = [];
try {
  const empty = await host(join(folder, "empty"), await freePort());
  hosts.push(empty);
  const port = await freePort();
  const own = join(folder, "full/state/pipelines.d");
  cpSync(join(root, "pipelines"), own, { recursive: true });
  writeFileSync(join(own, "half-finished.hcl"), 'pipeline "half-finished" {}\nnode "voice.say" "hello" {\n  txt = "Hello."\n}\n');
  const full = await host(join(folder, "full"), port);
  hosts.push(full);
  cpSync(join(root, "host/cmd/spinbot/starters/hello/hello.hcl"), join(folder, "hello.hcl"));
  const film = join(root, "pipelines/explainer");
  await full.spinbot("run", join(folder, "hello.hcl"));
  await full.spinbot("run", `${film}.hcl`, "--artifact", `article=${film}/article.md`, "--artifact", `picture=${film}/picture.jpg`, "--var", "height=360", "--var", "target_seconds=12");
  await full.spinbot("run", join(scenes, "broken.hcl")).catch(() => undefined); // it is to fail
  await submit(full.url, "cover.hcl");
  const runs = await (await fetch(`${full.url}/api/v1/runs`)).json();
  const id = (pipeline) => runs.runs.find((r) => r.pipeline.startsWith(pipeline)).id;
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    if ((await (await fetch(`${full.url}/api/v1/gates`)).json()).gates.length > 0) break;
    await new Promise((next) => setTimeout(next, 100));
  }
  const files = await (await fetch(`${full.url}/api/v1/artifacts`)).json();
  const file = (type) => encodeURIComponent(files.artifacts.find((a) => a.media_type === type).digest);
  const pages = [
    [full, "home", "/", "section[aria-label='Recent results'] img"],
    [full, "runs", "/runs", "main ul li"],
    [full, "run-done", `/runs/${id("explainer")}`, "video"],
    [full, "run-node", `/runs/${id("explainer")}?node=node.plan`, "[role=tablist]"],
    [full, "run-failed", `/runs/${id("quarterly")}`, "ul[aria-label=Why]"],
    [full, "run-waiting", `/runs/${id("cover")}?node=gate.choose`, "[role=tablist]"],
    [full, "approvals", "/approvals", "main form"],
    [full, "pipelines", "/pipelines", "main ul li"],
    [full, "launch", "/pipelines/explainer", "main form"],
    [full, "pipeline-broken", "/pipelines/half-finished", "main h1"],
    [full, "editor", "/pipelines/explainer/edit", ".cm-line"],
    [full, "editor-broken", "/pipelines/half-finished/edit", ".cm-line >> text=Hello."],
    [full, "editor-none", "/pipelines/nobody/edit", "[role=alert]"],
    [full, "gallery", "/gallery", "main ul li img"],
    [full, "gallery-film", `/gallery?file=${file("video/mp4")}`, "dialog video"],
    [full, "gallery-sound", `/gallery?file=${file("audio/wav")}`, "dialog img"],
    [full, "gallery-text", `/gallery?file=${file("application/x-subrip")}`, "dialog pre"],
    [full, "node-types", "/node-types", "main nav li"],
    [full, "node-type", "/node-types?type=voice.say", "main article"],
    [full, "node-type-grants", "/node-types?type=control.http", "main article"],
    [full, "missing", "/nowhere", "h1"],
    [full, "no-run", "/runs/run_00000000000000000000000000", "[role=alert]"],
    [empty, "home-empty", "/", "ol"],
    [empty, "runs-empty", "/runs", "h2"],
    [empty, "gallery-empty", "/gallery", "h2"],
    [empty, "pipelines-empty", "/pipelines", "h2"],
    [empty, "approvals-empty", "/approvals", "h2"],
    [empty, "queue-empty", "/queue", "h2"],
  ];
  for (const [h, ...page] of pages) {
    await shoot(browser, h.url, ...page);
    await axe(browser, h.url, ...page);
  }
  await leaf(browser, full.url);
  await edit(browser, full.url);
  await full.spinbot("queue", "pause");
  for (const scene of ["broken.hcl", "cover.hcl", "broken.hcl"]) await submit(full.url, scene);
  await shoot(browser, full.url, "queue", "/queue", "main ol li");
  await axe(browser, full.url, "queue", "/queue", "main ol li");
  await reorder(browser, full.url);
  await full.spinbot("queue", "resume");
  await shoot(browser, full.url, "palette", "/", "section", (page) => page.keyboard.press("Control+k"));
  await live(browser, full, () => host(join(folder, "full"), port), hosts, id("cover"));
  const { stdout } = await empty.spinbot("token", "new", "screens", "--role", "viewer");
  await shoot(browser, empty.url, "sign-in", "/", "form");
  await axe(browser, empty.url, "sign-in", "/", "form");
  await signIn(browser, empty.url, stdout.match(/spinbot_\S+/)[0]);
} finally {
  await browser.close();
  await Promise.all(hosts.map((h) => h.stop()));
  rmSync(folder, { recursive: true, force: true });
}
console.log(`screenshots: in ${out}`);
if (wrong.length > 0) {
  console.error(`screenshots: what is wrong with them:\n  ${wrong.join("\n  ")}`);
  process.exitCode = 1;
}
