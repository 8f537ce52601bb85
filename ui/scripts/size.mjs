// Packs what was built, and fails when a part of it has become larger than it may be.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const KB = 1024;
const limits = { shell: 180 * KB, styles: 20 * KB, graph: 85 * KB, editor: 170 * KB, total: 1536 * KB };

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const index = readFileSync(join(dist, "index.html"), "utf8");
const sizes = { shell: 0, styles: 0, graph: 0, editor: 0, total: 0 };

for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name);
  if (!statSync(path).isFile() || name.endsWith(".gz") || name === ".gitkeep") continue;
  const raw = readFileSync(path);
  const packed = gzipSync(raw, { level: 9 });
  sizes.total += Math.min(raw.length, packed.length);
  if (packed.length < raw.length * 0.9) writeFileSync(path + ".gz", packed);
  if (name.endsWith(".css")) sizes.styles += packed.length;
  if (!name.endsWith(".js")) continue;
  if (index.includes(name)) sizes.shell += packed.length; // what the page loads at once
  for (const part of ["graph", "editor"]) if (name.startsWith(`assets/${part}-`)) sizes[part] += packed.length;
}

let over = false;
for (const [part, size] of Object.entries(sizes)) {
  const limit = limits[part];
  over ||= size > limit;
  console.log(`${part.padEnd(7)} ${(size / KB).toFixed(1).padStart(7)} of ${String(limit / KB).padStart(5)} KB gzipped${size > limit ? "  TOO LARGE" : ""}`);
}
if (over) {
  console.error("size: a part is too large; load what few pages need lazily (import() in src/routes.tsx), or leave a library out");
  process.exit(1);
}
