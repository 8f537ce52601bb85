// A pipeline is written in the editor: with a mistake that is seen, a proposal that is taken, a conflict that is settled.
import assert from "node:assert/strict";

const file = async (url, name) => (await fetch(`${url}/api/v1/pipelines/${name}/source`)).json();

/** edit goes through the editor of the host at url as a person would. The page is as wide as a desk. */
export async function edit(page, url) {
  const refused = []; // by the host's Content-Security-Policy
  page.on("console", (m) => m.type() === "error" && /Content.Security/i.test(m.text()) && refused.push(m.text()));
  const fine = () => page.waitForSelector("[role=status] >> text=Nothing is wrong");
  const row = (text) => page.locator(".cm-line", { hasText: text }).first();

  await page.goto(`${url}/pipelines`);
  await page.click("text=New pipeline");
  await page.fill("dialog input >> nth=0", "0 no name");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector("dialog >> text=A name begins with a letter");
  await page.fill("dialog input >> nth=0", "greeting");
  await page.click("dialog button[type=submit]");
  await page.waitForURL("**/pipelines/greeting/edit", { waitUntil: "commit" });
  await fine();

  // a mistake is marked, listed, and gone to
  await page.click(".cm-content");
  await page.keyboard.press("Control+End");
  await page.keyboard.type('\nnode "control.split_text" "more" {');
  await page.keyboard.press("Enter");
  await page.keyboard.type("txt = 1");
  await page.waitForSelector(".cm-lintRange-error");
  const problem = page.locator("ul[aria-label=Problems] button", { hasText: '"txt"' });
  await page.keyboard.press("Control+Home");
  await problem.click();
  await page.waitForFunction((text) => document.querySelector("[role=status] ~ span").textContent.startsWith(text), `Line ${(await page.locator(".cm-line").count()) - 1},`);
  await page.waitForSelector("[data-box=more][aria-pressed=true]"); // the node that the cursor is in

  // the graph leads back
  await page.click("[data-box=sentences]");
  await page.waitForSelector("[data-box=sentences][aria-pressed=true]");
  await problem.click();

  // a proposal is taken: the line is written anew
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+Home");
  await page.keyboard.type("te");
  await page.waitForSelector(".cm-tooltip-autocomplete li[aria-selected] >> text=/^text$/");
  await page.waitForTimeout(100); // CodeMirror takes no key for a proposal that has just come
  await page.keyboard.press("Enter");
  await page.waitForSelector(".cm-tooltip-autocomplete", { state: "detached" });
  await page.keyboard.type('"Two. Words."');
  await fine();

  // documentation, by pointer and by key
  await row("by   =").locator("span", { hasText: "by" }).first().hover();
  await page.waitForSelector(".cm-tooltip-hover .said");
  await page.mouse.move(0, 0);
  await row("by   =").locator("span", { hasText: "by" }).first().click();
  await page.keyboard.press("Shift+F1");
  await page.waitForSelector(".cm-tooltip .said");
  await page.keyboard.press("Escape");

  // a name is changed wherever it stands
  await row('"sentences" {').locator("text=sentences").click();
  await page.keyboard.press("F2");
  await page.fill("dialog input", "parts");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector("[data-box=parts]");
  assert.doesNotMatch(await page.locator(".cm-content").innerText(), /node\.sentences\./);
  await fine();

  // where a name is declared, by key
  await page.locator(".cm-line", { hasText: /= .*node\.parts/ }).first().locator("text=parts").first().click();
  await page.keyboard.press("F12");
  await page.locator(".cm-activeLine", { hasText: '"parts" {' }).waitFor();

  // the text is laid out anew
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\nlocals   {");
  await page.keyboard.press("Enter");
  await page.keyboard.type("crooked   =    1");
  await page.keyboard.press("Shift+Alt+f");
  await row("crooked = 1").waitFor();
  await fine();

  // what is saved is what is there
  await page.waitForSelector("text=Unsaved changes");
  await page.keyboard.press("Control+s");
  await page.waitForSelector("text=Saved.");
  await page.waitForSelector("text=Unsaved changes", { state: "detached" });
  const saved = await file(url, "greeting");
  assert.match(saved.text, /"more"/);
  assert.equal(saved.pipeline.state, "ready");

  // somebody else saves meanwhile
  const text = saved.text.replace("Greets somebody", "Greets everybody");
  const other = await fetch(`${url}/api/v1/pipelines/greeting/source`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text, version: saved.version }) });
  assert.ok(other.ok);
  await page.click(".cm-content");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\n# mine");
  await page.keyboard.press("Control+s");
  await page.waitForSelector("dialog >> text=The file has changed");
  await page.waitForSelector("dialog pre >> text=Greets everybody");
  await page.waitForSelector("dialog pre >> text=# mine");
  await page.click("dialog >> text=Save mine");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  assert.match((await file(url, "greeting")).text, /# mine$/);

  // who leaves with changes is asked
  await page.keyboard.type(" too");
  await page.click("nav >> text=Runs");
  await page.waitForSelector("dialog >> text=Leave without saving?");
  await page.keyboard.press("Escape");
  assert.match(page.url(), /\/edit$/);

  // and a reload loses nothing
  page.once("dialog", (d) => d.accept());
  await page.reload();
  await page.waitForSelector("text=Unsaved changes");
  await fine();
  await page.click("button >> text=Run");
  await page.waitForURL("**/pipelines/greeting", { waitUntil: "commit" });
  assert.match((await file(url, "greeting")).text, /# mine too$/);

  // it is removed once that is confirmed, and gone for good
  await page.click("main >> text=Edit");
  await page.click("button[aria-label=More]");
  await page.click("[role=menuitem] >> text=Remove pipeline");
  await page.click("dialog[open] >> text=Keep it");
  assert.equal((await file(url, "greeting")).pipeline.state, "ready");
  await page.click("button[aria-label=More]");
  await page.click("[role=menuitem] >> text=Remove pipeline");
  await page.click("dialog[open] button >> text=Remove pipeline");
  await page.waitForSelector("text=greeting removed.");
  await page.waitForURL("**/pipelines", { waitUntil: "commit" });
  assert.equal((await fetch(`${url}/api/v1/pipelines/greeting/source`)).status, 404);
  assert.deepEqual(refused, []);
}
