// Records `spinbot demo` in a terminal and draws it as a picture that moves: docs/recording.svg. make recording calls it.
//   node site/recording.mjs [FOLDER]    with FOLDER: draws what is recorded there already (out.txt, timing.txt), and records nothing
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const columns = 92, rows = 13;
const command = "spinbot demo --out demo";
const longest = 30; // seconds that it plays; what took longer is played faster, and says so
const frames = 110; // at most

const dir = process.argv[2] ?? record();
const chunks = [...played(dir)];
const { shots, seconds } = await shown(chunks);
const speed = Math.max(1, Math.ceil(seconds / longest));
writeFileSync(join(root, "docs/recording.svg"), drawn(shots, seconds, speed));
console.log(`recording: docs/recording.svg, ${shots.length} pictures of ${seconds.toFixed(1)} s, played ${speed} times as fast`);

/** Runs the command in a terminal of its own (util-linux's script), in a fresh folder and with a fresh state. */
function record() {
  const dir = mkdtempSync(join(tmpdir(), "spinbot-recording-"));
  execFileSync("script", ["-q", "-e", "-f", "-m", "advanced", "-O", "out.txt", "-T", "timing.txt", "-c",
    `stty cols ${columns} rows ${rows} && cd ${dir} && ${join(root, "bin")}/${command}`],
    { cwd: dir, stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, TERM: "xterm-256color", SPINBOT_STATE_DIR: join(dir, "state") } });
  return dir;
}

/** What was printed when: the timing file has a line "O SECONDS BYTES" for each piece of the other one. */
function* played(dir) {
  let bytes = readFileSync(join(dir, "out.txt"));
  bytes = bytes.subarray(bytes.indexOf("\n") + 1); // the line of script itself
  let at = 0, from = 0;
  for (const line of readFileSync(join(dir, "timing.txt"), "utf8").split("\n")) {
    const [kind, wait, length] = line.split(" ");
    if (kind !== "O") continue;
    at += Number(wait);
    yield { at, bytes: bytes.subarray(from, (from += Number(length))) };
  }
}

/** The terminal's lines at each moment when they were others, seldom enough for one picture. */
async function shown(chunks) {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const write = (data) => new Promise((done) => terminal.write(data, done));
  await write(`\x1b[32m$\x1b[0m ${command}\r\n`);
  const seconds = chunks.at(-1).at, apart = seconds / frames;
  const shots = [{ at: 0, lines: lines(terminal) }];
  for (const [i, chunk] of chunks.entries()) {
    await write(chunk.bytes);
    const next = chunks[i + 1]?.at ?? Infinity;
    if (next - shots.at(-1).at < apart) continue;
    const now = lines(terminal);
    if (now.join("\n") !== shots.at(-1).lines.join("\n")) shots.push({ at: chunk.at, lines: now });
  }
  return { shots, seconds };
}

/** The lines of the terminal as pieces of SVG; empty ones are empty. */
function lines(terminal) {
  const buffer = terminal.buffer.active;
  return Array.from({ length: rows }, (_, y) => {
    const line = buffer.getLine(buffer.viewportY + y);
    const spans = [];
    for (let x = 0; line && x < columns; x++) {
      const cell = line.getCell(x);
      const style = [cell.isFgDefault() ? "" : `c${cell.getFgColor()}`, cell.isBold() ? "b" : "", cell.isDim() ? "d" : ""].filter(Boolean).join(" ");
      const last = spans.at(-1);
      if (last?.style === style) last.text += cell.getChars() || " ";
      else spans.push({ style, x, text: cell.getChars() || " " });
    }
    return spans
      .map(({ style, x, text }) => ({ style, x: x + text.length - text.trimStart().length, text: text.trim() }))
      .filter(({ text }) => text)
      .map(({ style, x, text }) => `<tspan x="${x * 8.4}"${style && ` class="${style}"`}>${text.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</tspan>`)
      .join("");
  });
}

function drawn(shots, seconds, speed) {
  const width = columns * 8.4 + 32, height = rows * 19 + 56, high = rows * 19;
  const known = new Map();
  const strip = shots.map(({ lines }, i) => lines.map((line, y) => {
    if (!line) return "";
    if (!known.has(line)) known.set(line, `l${known.size}`);
    return `<use href="#${known.get(line)}" y="${i * high + y * 19}"/>`;
  }).join("")).join("\n");
  const still = 5; // seconds that the end stays
  const length = seconds / speed + still;
  const keys = shots.map(({ at }, i) => `${((at / speed / length) * 100).toFixed(3)}%{transform:translateY(${-i * high}px)}`).join("");
  const end = `transform:translateY(${-(shots.length - 1) * high}px)`;
  const note = speed > 1 ? `${Math.round(seconds)} s, played ${speed} times as fast` : `${Math.round(seconds)} s`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal in which spinbot demo makes a film">
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace;fill:#e6e6e6;white-space:pre}
.c1{fill:#ff7b72}.c2{fill:#7ee787}.c3{fill:#e3b341}.c4{fill:#79c0ff}.c5{fill:#d2a8ff}.c6{fill:#56d4dd}.c7{fill:#e6e6e6}.c8{fill:#8b949e}.b{font-weight:700}.d{fill-opacity:.62}
#strip{animation:play ${length.toFixed(2)}s steps(1,end) infinite}
@keyframes play{${keys}100%{${end}}}
@media (prefers-reduced-motion:reduce){#strip{animation:none;${end}}}
</style>
<defs>${[...known].map(([line, id]) => `<text id="${id}">${line}</text>`).join("\n")}</defs>
<rect width="100%" height="100%" rx="10" fill="#15181d"/>
<circle cx="20" cy="19" r="5.5" fill="#ff5f57"/><circle cx="38" cy="19" r="5.5" fill="#febc2e"/><circle cx="56" cy="19" r="5.5" fill="#28c840"/>
<text x="${width - 16}" y="23" text-anchor="end" class="c8" style="font-size:11px">${note}</text>
<svg x="16" y="40" width="${width - 32}" height="${high}" overflow="hidden"><g id="strip" transform="translate(0 0)"><g transform="translate(0 14)">
${strip}
</g></g></svg>
</svg>
`;
}
