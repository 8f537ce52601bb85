// Photographs every page in both themes and at the size of a phone, of the real binary with real runs: make screenshots.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { axe, browse, freePort, Host, root, scenes, until } from "./host.mjs";
import { embedder } from "./scenes/embedder.mjs";
import { many } from "./scenes/many.mjs";

const out = process.argv[2] ?? join(root, "ui/screenshots");
const only = new RegExp(process.env.ONLY ?? ""); // names of pages, when not all are wanted
const wrong = [];

/** shoot takes one page as it is seen on a desk in both themes, and on a phone; once act is done, as far as it is seen then, or "whole". */
async function shoot(browser, url, name, path, ready, act) {
  if (!only.test(name)) return;
  for (const [as, options] of [
    ["light", { colorScheme: "light", viewport: { width: 1360, height: 850 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1360, height: 850 } }],
    ["phone", { colorScheme: "dark", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ]) {
    const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.on("console", (m) => m.type() === "error" && !/status of (401|404|415)/.test(m.text()) && wrong.push(`${name} ${as}: ${m.text()}`));
    page.on("pageerror", (e) => wrong.push(`${name} ${as}: ${e.message}`));
    await page.goto(url + path);
    await page.waitForSelector(ready, { timeout: 20_000 });
    const part = act !== undefined && (await act(page)) !== "whole";
    await page.waitForLoadState("networkidle").catch(() => undefined); // a socket is open
    await page.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.readyState > 0), undefined, { timeout: 5000 }).catch(() => undefined);
    if (!part) await page.evaluate(() => document.activeElement?.blur());
    const wide = (await page.evaluate(() => Math.max(...[...document.querySelectorAll("main *:not(.react-flow *)")].map((el) => Math.round(el.getBoundingClientRect().right))))) - options.viewport.width;
    if (wide > 0) wrong.push(`${name} ${as}: the page is ${wide} pixels wider than the screen`);
    // The whole page, in a window as high: what sticks to an edge is where it belongs.
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    if (!part) await page.setViewportSize({ ...options.viewport, height });
    await page.screenshot({ path: join(out, `${name}-${as}.png`) });
    await context.close();
  }
}

/** hold has axe look at a page. */
async function hold(browser, url, name, path, ready) {
  if (only.test(name)) wrong.push(...(await axe(browser, url + path, ready)).map((w) => `${name} ${w}`));
}

const folder = mkdtempSync(join(tmpdir(), "spinbot-screens-"));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const browser = await browse();
const hosts = [];
const ollama = await embedder();
try {
  const empty = await new Host(join(folder, "empty"), await freePort()).start();
  hosts.push(empty);
  const own = join(folder, "full/state/pipelines.d");
  cpSync(join(root, "pipelines"), own, { recursive: true });
  writeFileSync(join(own, "half-finished.hcl"), 'pipeline "half-finished" {}\nnode "voice.say" "hello" {\n  txt = "Hello."\n}\n');
  for (const n of [1, 500]) writeFileSync(join(own, `nodes-${n}.hcl`), many(`nodes-${n}`, n));
  for (const [name, bytes] of [["checkpoints/sdxl/base.safetensors", 5e6], ["loras/ink-on-paper-with-a-name-that-goes-on-for-quite-a-while.safetensors", 2e5], ["vae/x.pt", 3e5]]) {
    mkdirSync(dirname(join(folder, "models", name)), { recursive: true });
    writeFileSync(join(folder, "models", name), Buffer.alloc(bytes));
  }
  const models = `models "all" {\n  folder = "${join(folder, "models")}"\n}\n${ollama.config}bill {\n  currency = "EUR"\n  kwh = 0.32\n  gpu_hour = 36\n}\n`;
  const full = new Host(join(folder, "full"), await freePort(), models);
  await full.spinbot("plugins"); // a host whose file has settings of plugins starts when it knows all of them, and now it does
  await full.start();
  hosts.push(full);
  cpSync(join(root, "host/cmd/spinbot/starters/hello/hello.hcl"), join(folder, "hello.hcl"));
  const film = join(root, "pipelines/explainer");
  await full.spinbot("run", join(folder, "hello.hcl"));
  await full.spinbot("run", `${film}.hcl`, "--artifact", `article=${film}/article.md`, "--artifact", `picture=${film}/picture.jpg`, "--var", "height=360", "--var", "target_seconds=12");
  await full.spinbot("run", join(scenes, "broken.hcl")).catch(() => undefined); // it is to fail
  await full.submit("cover.hcl");
  for (const n of [1, 500]) await full.spinbot("run", join(own, `nodes-${n}.hcl`));
  await full.spinbot("run", join(root, "pipelines/talking_avatar.hcl"), "--var", "profile=cpu", "--var", "consent=true", "--var", "larger=1", "--artifact", `portrait=${root}/pipelines/talking_avatar/portrait.jpg`, "--var", "narration=Hello. I was drawn by a program, and now I speak.");
  await full.spinbot("run", join(scenes, "notes.hcl"));
  await until("all files are described", async () => (({ on, files, described, failed }) => on && described + failed === files)(await full.get("/api/v1/search")));
  const runs = await full.get("/api/v1/runs");
  const id = (pipeline) => runs.runs.find((r) => r.pipeline.startsWith(pipeline)).id;
  await until("a gate asks", async () => (await full.get("/api/v1/gates")).gates.length > 0);
  const files = await full.get("/api/v1/artifacts");
  const file = (type) => encodeURIComponent(files.artifacts.find((a) => a.media_type === type).digest);
  const picture = file("image/jpeg");
  const stored = await fetch(`${full.url}/api/v1/artifacts?name=flow.json`, { method: "POST", body: readFileSync(join(scenes, "workflow.json")) });
  const flow = encodeURIComponent((await stored.json()).artifact.$artifact);
  const archive = Buffer.from(await (await fetch(`${full.url}/api/v1/runs/${id("explainer")}/archive`)).arrayBuffer());
  const brought = async (host, body) => encodeURIComponent((await (await fetch(`${host.url}/api/v1/artifacts?name=run.tar`, { method: "POST", body })).json()).artifact.$artifact);
  const consent = ["--consent-by", "Anna Berg", "--consent-on", "2026-11-02", "--consent-for", "the film Shop, and its trailer"];
  const sound = files.artifacts.find((a) => a.media_type === "audio/wav").digest;
  await full.spinbot("assets", "add", "voice/anna", sound, "--note", "In the studio, no music", ...consent);
  await full.spinbot("assets", "add", "voice/anna", sound, "--licence", "by agreement", "--commercial", "yes", "--note", "With less echo", ...consent);
  await full.spinbot("assets", "add", "face/anna", `${film}/picture.jpg`, "--licence", "CC0-1.0", "--commercial", "yes", ...consent);
  await full.spinbot("assets", "add", "face/the-narrator-of-the-quarterly-report-with-every-appendix", `${film}/picture.jpg`, "--licence", "CC-BY-NC-ND-4.0, with an addendum on page four", "--commercial", "no");
  await full.spinbot("assets", "add", "prompt/shop", `${film}/article.md`, "--licence", "MIT", "--commercial", "yes");
  const pages = [
    [full, "home", "/", "section[aria-label='Recent results'] img"],
    [full, "runs", "/runs", "main ul li"],
    [full, "run-done", `/runs/${id("explainer")}`, "video"],
    [full, "run-node", `/runs/${id("explainer")}?node=node.plan`, "[role=tablist]"],
    [full, "run-failed", `/runs/${id("quarterly")}`, "ul[aria-label=Why]"],
    [full, "run-graph", `/runs/${id("explainer")}?view=graph`, ".react-flow__node"],
    [full, "run-graph-1", `/runs/${id("nodes-1")}?view=graph`, ".react-flow__node"],
    [full, "run-graph-500", `/runs/${id("nodes-500")}?view=graph`, ".react-flow__node"],
    [full, "run-graph-node", `/runs/${id("cover")}?view=graph&node=${encodeURIComponent("node.draft[0]")}`, "section img"],
    [full, "run-timeline", `/runs/${id("explainer")}?view=timeline`, "main [role=option]"],
    [full, "compare", `/compare/${id("hello")}/${id("cover")}`, "main ul li"],
    [full, "run-waiting", `/runs/${id("cover")}?node=gate.choose`, "[role=tablist]"],
    [full, "create", "/create", "section[aria-label='Your films'] video"],
    [full, "create-avatar", "/create?with=talking_avatar", "section[aria-label='Your films'] video"],
    [full, "open", `/open?file=${picture}&name=picture.jpg`, "section[aria-label='Use it in'] li"],
    [full, "open-workflow", `/open?file=${flow}&name=${encodeURIComponent("A lake at dawn, with a name that goes on for longer than a screen is wide.json")}`, "main input[autocomplete]"],
    [empty, "open-archive", `/open?file=${await brought(empty, archive)}&name=run.tar`, "main button >> text=Import"],
    [full, "open-archive-there", `/open?file=${await brought(full, archive)}&name=run.tar`, "main a >> text=Go to the run"],
    [empty, "open-archive-refused", `/open?file=${await brought(empty, archive.subarray(0, 700))}&name=a-run-with-a-name-that-goes-on-for-longer-than-a-screen-is-wide.tar`, "[role=alert]"],
    [full, "runs-nothing", "/runs?q=nothing+is+called+this", "main h2"],
    [full, "approvals", "/approvals", "main form"],
    [full, "pipelines", "/pipelines", "main ul li"],
    [full, "launch", "/pipelines/explainer", "main form"],
    [full, "pipeline-broken", "/pipelines/half-finished", "main h1"],
    [full, "editor", "/pipelines/explainer/edit", ".cm-line"],
    [full, "editor-broken", "/pipelines/half-finished/edit", ".cm-line >> text=Hello."],
    [full, "editor-none", "/pipelines/nobody/edit", "[role=alert]"],
    [full, "gallery", "/gallery", "main ul li img"],
    [full, "gallery-meaning", "/gallery?by=meaning&q=a+lighthouse+among+waves", "main ul[aria-label=Gallery] time, main ul[aria-label=Gallery] [title*=like]"],
    [full, "run-bill", `/runs/${id("notes")}`, "section h2 >> text=Bill"],
    [full, "library", "/library", "main ul li img"],
    [full, "library-voice", "/library/voice/anna", "section[aria-label='Use in'] :is(li, p)"],
    [full, "library-refused", "/library/face/the-narrator-of-the-quarterly-report-with-every-appendix", "main [role=alert]"],
    [full, "library-add", "/library?add=", "dialog form"],
    [full, "gallery-film", `/gallery?file=${file("video/mp4")}`, "dialog video"],
    [full, "gallery-sound", `/gallery?file=${file("audio/wav")}`, "dialog img"],
    [full, "gallery-text", `/gallery?file=${file("application/x-subrip")}`, "dialog pre"],
    [full, "node-types", "/node-types", "main nav li"],
    [full, "node-type", "/node-types?type=voice.say", "main article"],
    [full, "node-type-grants", "/node-types?type=control.http", "main article"],
    [full, "machines", "/machines?machine=local", "main article canvas"],
    [full, "models", "/models", "main [role=option]"],
    [full, "settings", "/settings", "main section"],
    [full, "settings-bill", "/settings?part=bill", "main section li"],
    [full, "settings-about", "/settings?part=about", "main section li"],
    [full, "missing", "/nowhere", "h1"],
    [full, "no-run", "/runs/run_00000000000000000000000000", "[role=alert]"],
    [empty, "home-empty", "/", "ol"],
    [empty, "models-empty", "/models", "h2"],
    [empty, "settings-bill-empty", "/settings?part=bill", "main h2"],
    [empty, "settings-access", "/settings?part=access", "main aside"],
    [empty, "create-empty", "/create", "main h2"],
    [empty, "open-empty", "/open", "main label"],
    [empty, "runs-empty", "/runs", "h2"],
    [empty, "gallery-empty", "/gallery", "h2"],
    [empty, "library-empty", "/library", "h2"],
    [empty, "pipelines-empty", "/pipelines", "h2"],
    [empty, "approvals-empty", "/approvals", "h2"],
    [empty, "queue-empty", "/queue", "h2"],
  ];
  for (const [h, ...page] of pages) {
    await shoot(browser, h.url, ...page);
    await hold(browser, h.url, ...page);
  }
  await shoot(browser, full.url, "launch-several", "/pipelines/draft_then_finish", "main form", async (page) => {
    await page.getByLabel("prompt · required", { exact: true }).fill("a lighthouse in a storm");
    await page.getByLabel("Several values for seed, a run for each").click();
    await page.getByLabel("seed", { exact: true }).fill("1..3, 8000");
    await page.waitForSelector("section[aria-label='What the first will do'] li");
  });
  const spoken = encodeURIComponent("node.speech");
  for (const [name, title, ready] of [["inputs", "Inputs", "dt"], ["attempts", "Attempts", "ol li"], ["reports", "Reports", "a"]])
    await shoot(browser, full.url, `run-${name}`, `/runs/${id("talking_avatar")}?node=${spoken}`, "[role=tablist]", async (page) => {
      await page.getByRole("tab", { name: title }).click();
      await page.waitForSelector(`[role=tabpanel] ${ready}`);
      return "whole";
    });
  await full.spinbot("queue", "pause");
  for (const scene of ["broken.hcl", "cover.hcl", "broken.hcl"]) await full.submit(scene);
  await shoot(browser, full.url, "queue", "/queue", "main ol li");
  await hold(browser, full.url, "queue", "/queue", "main ol li");
  await full.spinbot("queue", "resume");
  await shoot(browser, full.url, "palette", "/", "section", (page) => page.keyboard.press("Control+k"));
  await empty.spinbot("token", "new", "screens", "--role", "viewer");
  await shoot(browser, empty.url, "sign-in", "/", "form");
  await hold(browser, empty.url, "sign-in", "/", "form");
} finally {
  await browser.close();
  await Promise.all(hosts.map((h) => h.stop()));
  ollama.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`screenshots: in ${out}`);
if (wrong.length > 0) {
  console.error(`screenshots: what is wrong with them:\n  ${wrong.join("\n  ")}`);
  process.exitCode = 1;
}
