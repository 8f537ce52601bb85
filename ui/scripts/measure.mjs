// Measures the web interface in a real browser against the real binary, and prints each figure beside what it should be: make bench.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browse, freePort, heap, Host, root, row, slowest, until } from "./host.mjs";

const folder = mkdtempSync(join(tmpdir(), "spinbot-measure-"));
const quantile = (figures, q) => [...figures].sort((a, b) => a - b)[Math.min(figures.length - 1, Math.floor(figures.length * q))];

/** paint gives how long the largest paint of a page took, in ms: the median of seven visits with an empty cache. */
async function paint(browser, url, ready) {
  const took = [];
  for (let i = 0; i < 7; i++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector(ready);
    took.push(await page.evaluate(() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true }))));
    await context.close();
  }
  return quantile(took, 0.5);
}

/** lag watches a run to its end and gives for each node that ended how long after that the page drew it, in ms. */
async function lag(page, host, submit) {
  const id = await submit();
  await page.goto(`${host.url}/runs/${id}`);
  await page.evaluate(() => {
    window.drawn = [];
    const look = () => {
      const ended = Number(/(\d+) of \d+ nodes? ended/.exec(document.querySelector("main")?.textContent ?? "")?.[1] ?? 0);
      while (window.drawn.length < ended) window.drawn.push(performance.timeOrigin + performance.now());
    };
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(look))).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const opened = Date.now();
  await until(`${id} ends`, async () => (await host.get(`/api/v1/runs/${id}`)).state === "succeeded");
  await page.waitForSelector("h1 + div >> text=Done");
  const ended = (await host.get(`/api/v1/runs/${id}`)).nodes.map((n) => Date.parse(n.ended)).sort((a, b) => a - b);
  const drawn = await page.evaluate(() => window.drawn);
  return ended.map((at, i) => [at, drawn[i] - at]).filter(([at]) => at > opened).map(([, late]) => late);
}

const submit = (host, text) => async () => {
  const made = await fetch(`${host.url}/api/v1/runs`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ pipeline: { name: "it.hcl", text } }) });
  if (!made.ok) throw new Error(await made.text());
  return (await made.json()).id;
};
const cards = 'pipeline "cards" {}\n' + Array.from({ length: 40 }, (_, i) => `node "render.card" "c${i}" {\n  layout = "title"\n  heading = "${i}"\n  height = 180\n${i > 0 ? `  depends_on = [node.c${i - 1}]\n` : ""}}\n`).join("");
const talks = (n, lines) => `pipeline "talks" {}\nnode "talk.lines" "t" {\n  for_each = range(${n})\n  lines = ${lines} + each.value * 0\n}\n`;

const browser = await browse();
const host = new Host(join(folder, "host"), await freePort());
try {
  cpSync(join(root, "pipelines"), join(folder, "host/state/pipelines.d"), { recursive: true });
  mkdirSync(join(folder, "host/state/control.d"), { recursive: true });
  execFileSync("go", ["build", "-o", join(folder, "host/state/control.d/talk.wasm"), "."], { cwd: join(root, "ui/scripts/testdata/talk"), env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm" } });
  await host.spinbot("plugins", "trust", "talk");
  await host.start();
  const film = join(root, "pipelines/explainer");
  await host.spinbot("run", `${film}.hcl`, "--artifact", `article=${film}/article.md`, "--artifact", `picture=${film}/picture.jpg`, "--var", "height=180", "--var", "target_seconds=12");
  const { runs } = await host.get("/api/v1/runs");

  for (const [what, path, ready] of [
    ["Home", "/", "section[aria-label='Recent results'] img"],
    ["a run", `/runs/${runs[0].id}`, "video"],
    ["the gallery", "/gallery", "main ul li img"],
  ]) row(`ui: largest paint of ${what}, ms`, Math.round(await paint(browser, host.url + path, ready)), "<= 800");

  const page = await browser.newPage();
  const late = await lag(page, host, submit(host, cards));
  row("ui: event to pixel, p95 ms", Math.round(quantile(late, 0.95)), `<= 150   (${late.length} events)`);

  await page.goto(`${host.url}/runs/${runs[0].id}`);
  await page.waitForSelector("video");
  row("ui: interaction, run and palette, longest ms", await slowest(page, async () => {
    for (const at of ["node.plan", "node.shot[1]", "node.film"]) await page.click(`main [title^="${at}:"]`);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("queue", { delay: 20 });
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1 >> text=Queue");
  }), "<= 200");

  await page.goto(`${host.url}/machines?machine=local`);
  await page.waitForSelector("main article canvas");
  row("ui: interaction, machines and settings, longest ms", await slowest(page, async () => {
    await page.hover("main .u-over >> nth=0");
    await page.click("main >> text=6 h");
    await page.click("main >> text=Tables");
    await page.click("main [aria-label='Take out of use'] >> nth=0");
    await page.keyboard.type("a game", { delay: 20 });
    await page.keyboard.press("Escape");
    await page.click("nav >> text=Settings");
    await page.click("main >> text=Dark");
    await page.click("main nav >> text=About");
  }), "<= 200");

  const lines = 100_000;
  await host.spinbot("queue", "pause"); // so that the page is there before the first line
  const talk = await submit(host, talks(20, lines / 20))();
  await page.goto(`${host.url}/runs/${talk}`);
  await host.spinbot("queue", "resume");
  await page.waitForSelector("h1 + div >> text=Done", { timeout: 120_000 });
  const { reports } = await host.get(`/api/v1/runs/${talk}/reports`);
  await page.click(`main [title^="${reports.at(-1).address.split("/")[1]}:"]`);
  await page.click("[role=tab] >> text=Reports");
  await page.waitForSelector("ol[aria-label=Reports] li");
  row(`ui: memory of a page whose run said ${lines.toLocaleString("en")} lines, MB`, await heap(page), "<= 150");
} finally {
  await browser.close();
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
}
