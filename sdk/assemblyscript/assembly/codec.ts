// The bytes of tasks and outcomes; docs/control-nodes.md says what they are.
import { Failure, Task } from "./task";
import { Artifact, isNumber, Kind, Value } from "./value";

const maxDepth = 128;

/** Reads fields one after another; after the first that is cut off it gives zeros. */
class Reader {
  failed: bool = false;
  constructor(private at: usize, private end: usize) {}

  byte(): u8 {
    if (this.at >= this.end) {
      this.failed = true;
      return 0;
    }
    return load<u8>(this.at++);
  }

  number(): u64 {
    let n: u64 = 0;
    for (let shift: u64 = 0; shift < 64; shift += 7) {
      const b = this.byte();
      n |= ((b & 0x7f) as u64) << shift;
      if (b < 0x80) return n;
    }
    this.failed = true;
    return 0;
  }

  take(n: u64): usize {
    const from = this.at;
    if (n > ((this.end - this.at) as u64)) {
      this.failed = true;
      this.at = this.end;
      return 0;
    }
    this.at += n as usize;
    return from;
  }

  text(): string {
    const n = this.number();
    const from = this.take(n);
    return from ? String.UTF8.decodeUnsafe(from, n as usize) : "";
  }

  bytes(): ArrayBuffer {
    const n = this.number();
    const from = this.take(n);
    const b = new ArrayBuffer(from ? (n as i32) : 0);
    memory.copy(changetype<usize>(b), from, b.byteLength);
    return b;
  }

  fixed(): u64 {
    const from = this.take(8);
    return from ? load<u64>(from) : 0;
  }

  value(depth: i32): Value {
    switch (this.byte()) {
      case 0: return Value.none();
      case 1: return Value.bool(false);
      case 2: return Value.bool(true);
      case 3: return Value.text(this.text());
      case 4: return Value.number(this.text());
      case 5: {
        const list = Value.list();
        if (depth >= maxDepth) this.failed = true;
        for (let n = this.number(); n > 0 && !this.failed; n--) list.push(this.value(depth + 1));
        return list;
      }
      case 6: {
        const object = Value.object();
        if (depth >= maxDepth) this.failed = true;
        for (let n = this.number(); n > 0 && !this.failed; n--) {
          const key = this.text();
          object.set(key, this.value(depth + 1));
        }
        return object;
      }
      case 7: {
        const a = new Artifact();
        a.digest = this.text();
        a.mediaType = this.text();
        const size = this.number();
        a.size = ((size >> 1) as i64) ^ -((size & 1) as i64);
        a.name = this.text();
        a.path = this.text();
        return Value.artifact(a);
      }
      default:
        this.failed = true;
        return Value.none();
    }
  }

  get done(): bool {
    return !this.failed && this.at == this.end;
  }
}

/** Fills a task from the host's bytes; false when they are not a task. */
export function decodeTask(t: Task, address: usize, length: i32): bool {
  const r = new Reader(address, address + length);
  if (r.byte() != 1) return false;
  t.type = r.text();
  t.owner = r.text();
  t.pipeline = r.text();
  t.checkpoint = r.bytes();
  t.run = r.text();
  for (let n = r.number(); n > 0 && !r.failed; n--) segment(r);
  t.node = segment(r);
  t.attempt = r.number() as i32;
  for (let n = r.number(); n > 0 && !r.failed; n--) r.number();
  r.text(); // the name of an artifact: not of a task
  t.time = r.fixed() as i64;
  t.deadline = r.fixed() as i64;
  t.seed = r.fixed();
  if (r.byte() != 1) return false;
  t.inputs = r.value(0);
  if (t.inputs.isNull) t.inputs = Value.object();
  return r.done && t.inputs.kind == Kind.Object;
}

/** A step of an address: its name and its key in a for_each, if it has one. */
function segment(r: Reader): string {
  r.text();
  const name = r.text() + r.text();
  r.number();
  return name;
}

/** Writes fields one after another into a buffer that grows. */
export class Writer {
  buffer: ArrayBuffer = new ArrayBuffer(256);
  length: i32 = 0;
  problem: string = "";

  private room(n: i32): usize {
    const need = this.length + n;
    if (need > this.buffer.byteLength) {
      const more = new ArrayBuffer(max(need, 2 * this.buffer.byteLength));
      memory.copy(changetype<usize>(more), changetype<usize>(this.buffer), this.length);
      this.buffer = more;
    }
    const at = changetype<usize>(this.buffer) + this.length;
    this.length = need;
    return at;
  }

  byte(b: u8): void {
    store<u8>(this.room(1), b);
  }

  number(n: u64): void {
    for (; n >= 0x80; n >>= 7) this.byte(((n & 0x7f) as u8) | 0x80);
    this.byte(n as u8);
  }

  text(s: string): void {
    const n = String.UTF8.byteLength(s);
    this.number(n);
    String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, this.room(n), false, String.UTF8.ErrorMode.REPLACE);
  }

  private fail(why: string): void {
    if (this.problem == "") this.problem = ": " + why;
  }

  value(v: Value, depth: i32): void {
    switch (v.kind) {
      case Kind.Null:
        return this.byte(0);
      case Kind.Bool:
        return this.byte(v.asBool() ? 2 : 1);
      case Kind.Text:
        this.byte(3);
        return this.text(v.asText());
      case Kind.Number:
        if (!isNumber(v.asText())) return this.fail(v.asText() + " is not a number that can be passed on");
        this.byte(4);
        return this.text(v.asText());
      case Kind.List:
      case Kind.Object:
        if (depth >= maxDepth) return this.fail("nested deeper than " + maxDepth.toString());
        return v.kind == Kind.List ? this.list(v.asList(), depth) : this.object(v, depth);
      default:
        return this.artifact(v.asArtifact());
    }
  }

  private list(items: Value[], depth: i32): void {
    this.byte(5);
    this.number(items.length);
    for (let i = 0; i < items.length; i++) {
      this.value(items[i], depth + 1);
      if (this.problem != "") {
        this.problem = "[" + i.toString() + "]" + this.problem;
        return;
      }
    }
  }

  private object(v: Value, depth: i32): void {
    const keys = v.keys().sort(byBytes);
    this.byte(6);
    this.number(keys.length);
    for (let i = 0; i < keys.length; i++) {
      this.text(keys[i]);
      this.value(v.get(keys[i]), depth + 1);
      if (this.problem != "") {
        this.problem = (depth > 0 ? "." : "") + keys[i] + this.problem;
        return;
      }
    }
  }

  private artifact(a: Artifact): void {
    this.byte(7);
    this.text(a.digest);
    this.text(a.mediaType);
    this.number(((a.size << 1) ^ (a.size >> 63)) as u64);
    this.text(a.name);
    this.text(a.path);
  }
}

/** The order of two texts' bytes in UTF-8, which differs from that of UTF-16 where surrogates stand. */
function byBytes(a: string, b: string): i32 {
  const n = min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x == y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** Writes how a task ended. */
export function encodeOutcome(t: Task): Writer {
  let failure = t.failure;
  if (failure === null) {
    const w = new Writer();
    w.byte(1);
    w.byte(0);
    w.byte(1);
    w.value(t.outputs, 0);
    if (w.problem == "") return w;
    failure = new Failure("output " + w.problem, "this is a mistake in the node's code", true);
  }
  const w = new Writer();
  w.byte(1);
  w.byte(1);
  w.text("failed");
  w.text(failure.message);
  w.text(failure.hint);
  w.text(failure.detail);
  w.byte(failure.permanent ? 1 : 0);
  return w;
}
