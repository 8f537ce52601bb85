// What the host offers, and what AssemblyScript's own library wants in its place.

@external("spinbot", "log")
declare function hostLog(level: i32, address: usize, length: i32): void;

@external("spinbot", "progress")
declare function hostProgress(fraction: f64, address: usize, length: i32): void;

@external("spinbot", "checkpoint")
declare function hostCheckpoint(address: usize, length: i32): void;

export function say(level: i32, message: string): void {
  const text = String.UTF8.encode(message);
  hostLog(level, changetype<usize>(text), text.byteLength);
}

export function progress(fraction: f64, message: string): void {
  const text = String.UTF8.encode(message);
  hostProgress(fraction, changetype<usize>(text), text.byteLength);
}

export function checkpoint(data: ArrayBuffer): void {
  hostCheckpoint(changetype<usize>(data), data.byteLength);
}

/** Called by throw, by a failed assert and by a bad index: it says where, and ends the instance. */
// @ts-ignore: decorator
@global
export function spinbot_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const why = message === null ? "" : message;
  const where = file === null ? "" : file;
  say(3, why + " (" + where + ":" + line.toString() + ":" + column.toString() + ")");
  unreachable();
}

let seed: u64 = 0;

/** Math.random() begins with the task's seed. */
export function setSeed(n: u64): void {
  seed = n;
  NativeMath.seedRandom(n as i64);
}

// @ts-ignore: decorator
@global
export function spinbot_seed(): f64 {
  return reinterpret<f64>(seed);
}

// @ts-ignore: decorator
@global
export namespace spinbot_console {
  export function debug(message: string = ""): void {
    say(0, message);
  }
  export function log(message: string = ""): void {
    say(1, message);
  }
  export function warn(message: string = ""): void {
    say(2, message);
  }
  export function error(message: string = ""): void {
    say(3, message);
  }
}
