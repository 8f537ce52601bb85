import { checkpoint, progress, say } from "./host";
import { Artifact, Kind, Value } from "./value";

/** How loud a line of log is. */
export const enum Level {
  Debug,
  Info,
  Warn,
  Error,
}

/** Why a task failed. */
export class Failure {
  detail: string = "";
  constructor(public message: string, public hint: string, public permanent: bool) {}
}

/** One task: what it is given, what it reports, and how it ends. */
export class Task {
  type: string = "";
  owner: string = "";
  pipeline: string = "";
  /** What the last attempt left; empty when there was none. */
  checkpoint: ArrayBuffer = new ArrayBuffer(0);
  run: string = "";
  /** The node's name in its pipeline, with its key in a for_each: shot, shot[2]. */
  node: string = "";
  /** From 1. */
  attempt: i32 = 0;
  /** Nanoseconds since 1970; i64.MIN_VALUE when there is none. */
  time: i64 = 0;
  deadline: i64 = 0;
  seed: u64 = 0;
  inputs: Value = Value.object();
  outputs: Value = Value.object();
  failure: Failure | null = null;

  /** Whether an input was given, or has a default. */
  has(name: string): bool {
    return !this.inputs.get(name).isNull;
  }

  // The inputs by kind. One that is of another kind fails the task, and is empty.

  text(name: string): string {
    return this.want(name, Kind.Text, "text").asText();
  }

  bool(name: string): bool {
    return this.want(name, Kind.Bool, "true or false").asBool();
  }

  float(name: string): f64 {
    return this.want(name, Kind.Number, "a number").asFloat();
  }

  integer(name: string): i64 {
    const v = this.want(name, Kind.Number, "a whole number");
    if (v.kind == Kind.Number && !v.isInteger()) this.refuse("input " + name + ": want a whole number, got " + v.asText(), "");
    return v.asInteger();
  }

  list(name: string): Value[] {
    return this.want(name, Kind.List, "a list").asList();
  }

  object(name: string): Value {
    return this.want(name, Kind.Object, "an object");
  }

  artifact(name: string): Artifact {
    return this.want(name, Kind.Artifact, "an artifact").asArtifact();
  }

  private want(name: string, kind: Kind, what: string): Value {
    const v = this.inputs.get(name);
    if (v.kind == kind) return v;
    this.refuse("input " + name + ": " + (v.isNull ? "is required" : "want " + what + ", got " + v.describe()), "");
    return Value.none();
  }

  /** Gives an output. */
  set(name: string, v: Value): void {
    this.outputs.set(name, v);
  }

  /** Ends the task with an error that another attempt may mend. The first error counts; outputs no longer do. */
  fail(message: string, hint: string = ""): void {
    if (this.failure === null) this.failure = new Failure(message, hint, false);
  }

  /** Ends the task with an error that no other attempt can mend. */
  refuse(message: string, hint: string = ""): void {
    if (this.failure === null) this.failure = new Failure(message, hint, true);
  }

  /** A line of the run's log. */
  log(level: Level, message: string): void {
    say(level, message);
  }

  /** How far it is: 0 to 1, negative when unknown. */
  progress(fraction: f64, message: string = ""): void {
    progress(fraction, message);
  }

  /** Keeps at most 4096 bytes for the next attempt. */
  save(data: ArrayBuffer): void {
    checkpoint(data);
  }
}
