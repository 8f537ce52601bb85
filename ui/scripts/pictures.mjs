// Puts the photographs that docs/ui.md shows into docs/ui, as small WebP: make pictures. What that page does not show goes.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./host.mjs";

const most = 2.5e6; // bytes of all
const out = join(root, "docs/ui");
const shown = [...readFileSync(join(root, "docs/ui.md"), "utf8").matchAll(/\(ui\/([\w-]+)\.webp\)/g)].map(([, name]) => name);
const missing = shown.filter((name) => !existsSync(join(root, `ui/screenshots/${name}.png`)));
if (missing.length > 0) throw new Error(`no photographs of ${missing.join(", ")}: make screenshots takes them all`);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
let all = 0;
for (const name of shown) {
  const [wide, high] = name.endsWith("-phone") ? [390, 844] : [1100, 900];
  const to = join(out, `${name}.webp`);
  execFileSync("ffmpeg", ["-v", "error", "-y", "-i", join(root, `ui/screenshots/${name}.png`), "-vf", `scale=${wide}:-1:flags=lanczos,crop=iw:min(ih\\,${high}):0:0`, "-quality", "82", to]);
  all += statSync(to).size;
}
console.log(`pictures: ${shown.length} in ${out}, ${Math.round(all / 1000)} kB`);
if (all > most) throw new Error(`the pictures have ${Math.round(all / 1000)} kB, more than ${most / 1000}: show fewer in docs/ui.md`);
