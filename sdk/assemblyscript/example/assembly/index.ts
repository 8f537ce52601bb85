import { Plugin, Schema, Task, Value } from "@myspinbot/assemblyscript";
export * from "@myspinbot/assemblyscript/abi";

new Plugin("count", "1.0.0", "Counts what a text has")
  .node("count.text", "Counts the words and the lines of a text", count)
  .revision("1")
  .idempotent()
  .input("text", Schema.text("Any text"))
  .input("longer_than", Schema.integer("Leave out words of so many letters").min(0).or(Value.integer(0)))
  .output("words", Schema.integer("How many words"))
  .output("lines", Schema.integer("How many lines"));

function count(t: Task): void {
  const text = t.text("text").trim();
  if (text == "") return t.refuse("the text is empty", "give a text with at least one word");
  const lines = text.split("\n");
  let words = 0;
  for (let i = 0; i < lines.length; i++) {
    const parts = lines[i].split(" ");
    for (let k = 0; k < parts.length; k++) {
      const length = parts[k].trim().length;
      if (length > 0 && length > t.integer("longer_than")) words++;
    }
    t.progress((i + 1) as f64 / lines.length);
  }
  t.set("words", Value.integer(words));
  t.set("lines", Value.integer(lines.length));
}
