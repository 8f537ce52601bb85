// The functions that the host calls. A module's entry file has the line
//   export * from "@myspinbot/assemblyscript/abi";
import { decodeTask, encodeOutcome } from "./assembly/codec";
import { Plugin } from "./assembly/plugin";
import { Task } from "./assembly/task";

// Both are the guest's own until the next call: the host writes the one and reads the other.
let input = new ArrayBuffer(0);
let output = new ArrayBuffer(0);

function region(b: ArrayBuffer, length: i32): i64 {
  return ((changetype<usize>(b) as i64) << 32) | (length as i64);
}

/** The version of the binary interface. */
export function spinbot_abi(): i32 {
  return 1;
}

/** The manifest as JSON. */
export function spinbot_describe(): i64 {
  output = String.UTF8.encode(Plugin.current().manifest());
  return region(output, output.byteLength);
}

/** Room for the next task. */
export function spinbot_alloc(length: i32): i32 {
  input = new ArrayBuffer(length);
  return changetype<usize>(input) as i32;
}

/** Carries out the task that the host wrote. */
export function spinbot_run(address: i32, length: i32): i64 {
  const task = new Task();
  if (decodeTask(task, address as usize, length)) {
    Plugin.current().run(task);
  } else {
    task.refuse("the task cannot be read", "build the module with the kit of this host's version");
  }
  const w = encodeOutcome(task);
  output = w.buffer;
  return region(output, w.length);
}
