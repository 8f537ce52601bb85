// A guest that gives back what it is told, for the test vectors.
import { Plugin, Task, Value } from "@myspinbot/assemblyscript";
export * from "@myspinbot/assemblyscript/abi";

const echo = new Plugin("echo", "1.0.0", "");
echo.node("echo.values", "", values);
echo.node("echo.task", "", task);
echo.node("echo.fail", "", fail);
echo.node("echo.file", "", file);
echo.node("echo.random", "", random);
echo.node("echo.throw", "", thrower);
echo.node("echo.nan", "", nan);

function values(t: Task): void {
  t.outputs = t.inputs;
}

function task(t: Task): void {
  const saved = Value.list();
  const bytes = Uint8Array.wrap(t.checkpoint);
  for (let i = 0; i < bytes.length; i++) saved.push(Value.integer(bytes[i]));
  t.set("type", Value.text(t.type));
  t.set("owner", Value.text(t.owner));
  t.set("pipeline", Value.text(t.pipeline));
  t.set("checkpoint", saved);
  t.set("run", Value.text(t.run));
  t.set("node", Value.text(t.node));
  t.set("attempt", Value.integer(t.attempt));
  t.set("time", Value.integer(t.time));
  t.set("deadline", Value.integer(t.deadline));
  t.set("seed", Value.integer(t.seed as i64));
  t.set("inputs", t.inputs);
}

function fail(t: Task): void {
  if (t.bool("permanent")) t.refuse(t.text("message"), t.text("hint"));
  else t.fail(t.text("message"), t.text("hint"));
  const f = t.failure;
  if (f) f.detail = t.text("detail");
}

function file(t: Task): void {
  const text = t.artifact("file").text();
  if (text === null) return t.refuse("the file cannot be read");
  t.set("text", Value.text(text));
}

function random(t: Task): void {
  t.set("x", Value.float(Math.random()));
}

function thrower(t: Task): void {
  console.warn("about to throw");
  throw new Error("no more of " + t.type);
}

function nan(t: Task): void {
  t.set("x", Value.list().push(Value.none()).push(Value.object().set("y", Value.float(NaN))));
}
