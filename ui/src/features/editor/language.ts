// HCL as the editor colours and indents it: enough of its grammar for that, and no more. The language server knows the rest.
import { indentService, LanguageSupport, StreamLanguage, type IndentContext, type StringStream } from "@codemirror/language";

/** Frame is what surrounds a place: code within brackets, a text, or a heredoc until its end. */
interface Code {
  kind: "code";
  depth: number;
}
type Frame = Code | { kind: "text" } | { kind: "doc"; end: string };

interface State {
  frames: Frame[];
  comment: boolean;
  /** The head of a block has begun, and its labels follow. */
  head: boolean;
}

const roots = /^(var|local|node|gate|module|each|self|run|secret)$/;
const words = /^(for|in|if|else|endfor|endif)$/;
const constants = /^(true|false|null)$/;
const types = /^(string|number|bool|list|map|set|object|any|artifact|optional)$/;
const blockHead = /^\s*("[^"]*"\s*)*\{/;

function token(stream: StringStream, state: State): string | null {
  if (state.comment) {
    state.comment = !stream.match(/^.*?\*\//);
    if (state.comment) stream.skipToEnd();
    return "comment";
  }
  let top = state.frames.at(-1);
  if (top?.kind === "text" && stream.sol()) {
    state.frames.pop(); // a text ends with its line
    top = state.frames.at(-1);
  }
  if (top === undefined || top.kind === "code") return code(stream, state, top ?? { kind: "code", depth: 0 });
  if (top.kind === "doc" && stream.sol() && stream.match(new RegExp(`^\\s*${top.end}\\s*$`))) {
    state.frames.pop();
    return "meta";
  }
  if (top.kind === "text" && stream.eat('"')) {
    state.frames.pop();
    return "string";
  }
  if (stream.match(/^[$%]\{~?/)) {
    state.frames.push({ kind: "code", depth: 0 });
    return "meta";
  }
  if (top.kind === "text" && stream.match(/^\\./)) return "escape";
  if (!stream.match(top.kind === "text" ? /^(\$\$\{|%%\{|[^"\\$%])+/ : /^(\$\$\{|%%\{|[^$%])+/)) stream.next();
  return "string";
}

function code(stream: StringStream, state: State, top: Code): string | null {
  if (stream.eatSpace()) return null;
  const first = stream.string.slice(0, stream.pos).trim() === "";
  if (stream.match(/^(#|\/\/).*/)) return "comment";
  if (stream.match("/*")) {
    state.comment = true;
    return "comment";
  }
  if (state.head && stream.match(/^"[^"]*"/)) return "labelName";
  if (stream.eat('"')) {
    state.frames.push({ kind: "text" });
    return "string";
  }
  const doc = stream.match(/^<<-?([A-Za-z_]\w*)/);
  if (doc !== null && typeof doc === "object") {
    state.frames.push({ kind: "doc", end: doc[1] ?? "" });
    return "meta";
  }
  if (stream.match(/^\d+(\.\d+)?([eE][+-]?\d+)?/)) return "number";
  const name = stream.match(/^[A-Za-z_][\w-]*/);
  if (name !== null && typeof name === "object") return named(name[0], stream, state, first);
  const c = stream.next();
  if (c === "{" || c === "[" || c === "(") {
    top.depth++;
    state.head = false;
    return "bracket";
  }
  if (c === "}" && top.depth === 0 && state.frames.length > 1) {
    state.frames.pop();
    return "meta";
  }
  if (c === "}" || c === "]" || c === ")") {
    top.depth = Math.max(0, top.depth - 1);
    return "bracket";
  }
  return "operator";
}

function named(name: string, stream: StringStream, state: State, first: boolean): string | null {
  const before = stream.string.charAt(stream.start - 1);
  const after = stream.string.slice(stream.pos);
  if (first && blockHead.test(after)) {
    state.head = true;
    return "keyword";
  }
  if (before === ".") return null;
  if (/^\s*(=(?![=>])|:(?!:))/.test(after)) return "propertyName";
  if (words.test(name)) return "controlKeyword";
  if (constants.test(name)) return "atom";
  if (/^\s*\(/.test(after)) return "variableName.function";
  if (roots.test(name) && after.startsWith(".")) return "variableName.special";
  return types.test(name) ? "typeName" : null;
}

/** indent goes in by one step behind a line that opens something, and out before what closes it. */
const indent = indentService.of((context, pos) => {
  let line = context.lineAt(pos, -1);
  if (context.simulatedBreak === null) line = before(context, line.from);
  while (line.from > 0 && line.text.trim() === "") line = before(context, line.from);
  const opens = /[[({]\s*(#.*|\/\/.*)?$/.test(line.text);
  const closes = /^\s*[\])}]/.test(context.textAfterPos(pos, 1));
  return Math.max(0, context.lineIndent(line.from, -1) + (Number(opens) - Number(closes)) * context.unit);
});

const before = (context: IndentContext, from: number): { text: string; from: number } => (from === 0 ? { text: "", from: 0 } : context.lineAt(from - 1, -1));

/** hcl is the language. */
export const hcl = new LanguageSupport(
  StreamLanguage.define<State>({
    name: "hcl",
    startState: () => ({ frames: [{ kind: "code", depth: 0 }], comment: false, head: false }),
    copyState: (s) => ({ ...s, frames: s.frames.map((f) => ({ ...f })) }),
    token,
    languageData: { commentTokens: { line: "#", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", "[", "{", '"'] }, indentOnInput: /^\s*[\])}]$/ },
  }),
  indent,
);
