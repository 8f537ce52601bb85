// Real hosts and a real browser for what drives the web interface: its photographs, its journeys, its measurements.
import { execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const scenes = join(root, "ui/scripts/scenes");
const binary = join(root, "bin/spinbot");
const exec = promisify(execFile);

/** browse starts Chromium, the one that CHROMIUM names if it does. */
export const browse = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** freePort gives a port that nothing listens on, from below those that the system gives to whoever asks for any: else somebody may have it a moment later. */
export const freePort = () =>
  new Promise((done) => {
    const port = randomInt(20_000, 32_768);
    const server = createServer();
    server.once("error", () => done(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => done(port)));
  });

/** until asks every 50 ms until the answer is not false, and fails after a minute, saying what was waited for. */
export async function until(what, ask) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((next) => setTimeout(next, 50))) {
    const answer = await ask();
    if (answer) return answer;
  }
  throw new Error(`${what}: not within a minute`);
}

/** axe holds a page to WCAG 2.2 AA in both themes, and gives what is wrong. It is put in past the page's policy, which keeps strangers' scripts out. */
export async function axe(browser, url, ready) {
  const context = await browser.newContext({ bypassCSP: true, reducedMotion: "reduce" });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector(ready, { timeout: 60_000 });
    await page.addScriptTag({ path: join(root, "ui/node_modules/axe-core/axe.min.js") });
    const wrong = [];
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
      wrong.push(...violations.map((v) => `${colorScheme}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" | ")}`));
    }
    return wrong;
  } finally {
    await context.close();
  }
}

/** row prints a figure beside what it should be, as make bench does. */
export const row = (what, value, goal) => console.log(`${what.padEnd(58)} ${String(value).padStart(10)}   ${goal}`);

/** slowest does something in a page and gives the longest that a frame waited for a key or a click, in ms. */
export async function slowest(page, act) {
  await page.evaluate(() => {
    window.slow = [0];
    new PerformanceObserver((list) => window.slow.push(...list.getEntries().map((e) => e.duration))).observe({ type: "event", durationThreshold: 16 });
  });
  await act();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50))));
  return page.evaluate(() => Math.max(...window.slow));
}

/** heap gives how much memory what a page's scripts keep takes, in MB. */
export async function heap(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await cdp.send("Runtime.getHeapUsage");
  return Math.round((usedSize + embedderHeapUsedSize + backingStorageSize) / 1e6);
}

/** Host is a spinbot serve with a folder and a port of its own. */
export class Host {
  constructor(folder, port, config = "", env = {}) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "spinbot.hcl"), `device "fake" "left" { memory = "24GiB" }\ndevice "fake" "right" { memory = "12GiB" }\n${config}`);
    this.folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    this.env = { ...process.env, SPINBOT_STATE_DIR: join(folder, "state"), SPINBOT_CONFIG: join(folder, "spinbot.hcl"), SPINBOT_LISTEN: `127.0.0.1:${port}`, ...env };
  }

  /** start starts it, and waits until it answers. */
  async start() {
    const server = spawn(binary, ["serve"], { env: this.env, stdio: ["ignore", "inherit", "inherit"] });
    this.server = server;
    this.gone = new Promise((done) => server.once("exit", done));
    await until("spinbot serve answers; what it said stands above", () => {
      if (server.exitCode !== null) throw new Error("spinbot serve ended; what it said stands above");
      return fetch(`${this.url}/health`).then((r) => r.ok, () => false);
    });
    return this;
  }

  /** stop ends it, by default as a person would, and waits until it is gone. */
  stop(signal = "SIGTERM") {
    this.server.kill(signal);
    return this.gone;
  }

  /** spinbot runs a command of the CLI against it. */
  spinbot(...args) {
    return exec(binary, args, { env: this.env, cwd: this.folder });
  }

  /** get asks its API. */
  async get(path) {
    const answer = await fetch(this.url + path);
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** submit makes a run of a scene and does not wait for it. It gives the run's id. */
  async submit(scene) {
    const body = JSON.stringify({ pipeline: { name: scene, text: readFileSync(join(scenes, scene), "utf8") } });
    const made = await fetch(`${this.url}/api/v1/runs`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!made.ok) throw new Error(`${scene}: ${await made.text()}`);
    return (await made.json()).id;
  }
}
