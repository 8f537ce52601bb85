// Measures the Gallery with 100,000 files in a real browser, of the real binary: 100 runs were given 1,000 pictures each, every run the
// same ones under other names. It fails when the page works for more than 200 ms at a stretch: make build && npm run bench:gallery
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browse, freePort, heap, Host, row } from "./host.mjs";

const [runs, each] = [100, 1000];
const all = runs * each;
/** frames does something in a page. It gives the longest time between two frames meanwhile, and the longest that the page itself worked at a stretch, in ms. */
async function frames(page, act) {
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const tick = (now) => {
      window.longest = Math.max(window.longest, now - last);
      last = now;
      window.ticking = requestAnimationFrame(tick);
    };
    window.ticking = requestAnimationFrame(tick);
  });
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline"] });
  await act();
  const frame = await page.evaluate(() => (cancelAnimationFrame(window.ticking), window.longest));
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const pages = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => e.tid));
  const work = Math.max(0, ...traceEvents.filter((e) => e.name === "RunTask" && pages.has(e.tid)).map((e) => e.tdur ?? 0)) / 1000;
  return { frame, work };
}

/** picture is a BMP of 64 × 36 pixels: each number has another one. */
function picture(n) {
  const [width, height] = [64, 36];
  const file = Buffer.alloc(54 + width * height * 3);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  for (const [at, value] of [[10, 54], [14, 40], [18, width], [22, height], [34, file.length - 54]]) file.writeUInt32LE(value, at);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let i = 54; i < file.length; i++) file[i] = (n * [7, 31, 101][i % 3] + Math.floor(i / (3 * width))) % 256;
  file.writeUInt32LE(n, 54);
  return file;
}

const folder = mkdtempSync(join(tmpdir(), "spinbot-bench-"));
const browser = await browse();
const host = new Host(folder, await freePort());
let late = false;
const name = `ui: ${all.toLocaleString("en")} files`;
const interaction = (what, { frame, work }) => {
  late ||= work > 200;
  row(`${name}: ${what}, longest frame, ms`, Math.round(frame), `<= 200   (the page itself worked ${Math.round(work)})`);
};
try {
  await host.start();
  const post = async (path, body, type = "application/json") => {
    const made = await fetch(host.url + path, { method: "POST", headers: { "Content-Type": type }, body });
    if (!made.ok) throw new Error(`${path}: ${await made.text()}`);
    return made.json();
  };
  const pictures = [];
  for (let i = 0; i < each; i += 50)
    pictures.push(...(await Promise.all(Array.from({ length: 50 }, (_, k) => post("/api/v1/artifacts", picture(i + k), "image/bmp")))).map((made) => made.artifact));
  const text = 'pipeline "album" {}\nvariable "pictures" {\n  type = list(artifact)\n}\n';
  for (let r = 0; r < runs; r++) await post("/api/v1/runs", JSON.stringify({ pipeline: { text }, inputs: { pictures: pictures.map((p, i) => ({ ...p, name: `picture ${r * each + i}.png` })) } }));

  const page = await browser.newPage({ viewport: { width: 1360, height: 850 } });
  const nameAt = async (place) => (await host.get(`/api/v1/artifacts?limit=1&skip=${place}`)).artifacts[0].name;
  const { total } = await host.get("/api/v1/artifacts?limit=1&count=true");
  if (total !== all) throw new Error(`the host has ${total} files instead of ${all}`);
  const [newest, oldest] = [await nameAt(0), await nameAt(all - 1)];
  const shows = (file) => page.locator("main ul[aria-label=Gallery] button").getByTitle(file, { exact: true }).waitFor();
  const took = async (what, goal, act) => {
    const from = Date.now();
    let took;
    const longest = await frames(page, async () => {
      await act();
      took = Date.now() - from;
    });
    row(`${name}: ${what}, ms`, took, goal);
    interaction(what, longest);
  };
  const opened = Date.now();
  await page.goto(`${host.url}/gallery`);
  await page.waitForSelector("main ul li img");
  row(`${name}: from the address to the first picture, ms`, Date.now() - opened, "<= 1000");

  // As fast as a wheel turns, then as somebody drags the bar to the end.
  await page.mouse.move(700, 500);
  interaction("the wheel", await frames(page, async () => {
    for (let i = 0; i < 100; i++) await page.mouse.wheel(0, 400);
  }));
  interaction("from top to bottom", await frames(page, () => page.evaluate(async () => {
    const height = document.documentElement.scrollHeight;
    for (let i = 0; i <= 400; i++) {
      window.scrollTo(0, (height * i) / 400);
      await new Promise(requestAnimationFrame);
    }
  })));
  await shows(oldest);
  await page.keyboard.press("Home");
  await shows(newest);
  await took("End, until the last picture is there", "<= 1000", async () => {
    await page.keyboard.press("End");
    await shows(oldest);
  });
  await page.keyboard.press("Home");
  await page.click("main input[type=search]");
  interaction("typing a name", await frames(page, () => page.keyboard.type("picture 777", { delay: 20 })));
  await took("its last letter, until it is found", "<= 1000   (400 of them waits for the next key)", async () => {
    await page.keyboard.type("7");
    await page.waitForFunction(() => document.querySelectorAll("main ul[aria-label=Gallery] button").length === 11);
  });
  row(`${name}: memory of the page afterwards, MB`, await heap(page), "<= 150");
} finally {
  await browser.close();
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = late ? 1 : 0;
