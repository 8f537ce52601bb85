// What can be checked of the extension without VS Code: that its parts load and agree, that the grammar colours a
// pipeline, and that the server talks to the library which VS Code talks with. SPINBOT names the program.
const assert = require("node:assert");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { test } = require("node:test");

const folder = path.join(__dirname, "..");
const json = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));

test("the manifest names files that are there, and settings that the extension reads", () => {
  const manifest = json("package.json");
  for (const { configuration } of manifest.contributes.languages) assert.ok(json(configuration).comments);
  for (const grammar of manifest.contributes.grammars) assert.equal(json(grammar.path).scopeName, grammar.scopeName);
  const source = fs.readFileSync(path.join(folder, manifest.main), "utf8");
  for (const setting of Object.keys(manifest.contributes.configuration.properties)) {
    assert.match(source, new RegExp(`get\\("${setting.replace("spinbot.", "")}"`));
  }
  for (const { command } of manifest.contributes.commands) assert.ok(source.includes(`"${command}"`));
});

test("the extension starts spinbot lsp, again after a change of settings, and stops it", async () => {
  const log = [];
  let changed;
  const fakes = {
    vscode: {
      commands: { registerCommand: (name) => ({ name }) },
      window: { showErrorMessage: (text) => log.push(text) },
      workspace: {
        getConfiguration: () => ({ get: (key, fallback) => (key === "arguments" ? ["--log-level", "info"] : fallback) }),
        onDidChangeConfiguration: (fn) => ((changed = fn), {}),
      },
    },
    "vscode-languageclient/node": {
      TransportKind: { stdio: 0 },
      LanguageClient: class {
        constructor(id, name, server) {
          this.server = server;
        }
        async start() {
          log.push(`start ${this.server.command} ${this.server.args.join(" ")}`);
        }
        async stop() {
          log.push("stop");
        }
      },
    },
  };
  const load = Module._load;
  Module._load = (name, ...rest) => fakes[name] ?? load(name, ...rest);
  try {
    const extension = require("../extension.js");
    await extension.activate({ subscriptions: [] });
    await changed({ affectsConfiguration: () => true });
    await extension.deactivate();
  } finally {
    Module._load = load;
  }
  const start = "start spinbot lsp --log-level info";
  assert.deepEqual(log, [start, "stop", start, "stop"]);
});

test("the grammar colours a pipeline", async () => {
  const oniguruma = require("vscode-oniguruma");
  const { Registry, INITIAL } = require("vscode-textmate");
  await oniguruma.loadWASM(fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner: (p) => new oniguruma.OnigScanner(p), createOnigString: (s) => new oniguruma.OnigString(s) }),
    loadGrammar: async () => json("syntaxes/hcl.tmLanguage.json"),
  });
  const grammar = await registry.loadGrammar("source.hcl");
  const lines = [
    'node "render.clip" "shot" { # a comment',
    '  prompt = "a ${join(", ", node.plan["x"].scenes)} b"',
    "  text   = <<-END",
    "    ${var.topic}",
    "  END",
    "  when   = true && each.key >= 2",
  ];
  const scopes = {};
  let state = INITIAL;
  for (const line of lines) {
    const result = grammar.tokenizeLine(line, state);
    state = result.ruleStack;
    for (const t of result.tokens) scopes[line.slice(t.startIndex, t.endIndex).trim()] = t.scopes.at(-1);
  }
  for (const [text, scope] of Object.entries({
    node: "variable.language.hcl", '"render.clip"': "string.quoted.double.label.hcl", "# a comment": "comment.line.number-sign.hcl",
    prompt: "variable.other.property.hcl", join: "support.function.hcl", scenes: "variable.other.member.hcl", var: "variable.language.hcl",
    true: "constant.language.hcl", 2: "constant.numeric.hcl", "&&": "keyword.operator.hcl", when: "variable.other.property.hcl",
  })) {
    assert.equal(scopes[text], scope, text);
  }
});

test("the server talks to the library of VS Code", { skip: process.env.SPINBOT ? false : "SPINBOT names no program" }, async () => {
  const { createProtocolConnection, StreamMessageReader, StreamMessageWriter } = require("vscode-languageserver-protocol/node");
  const server = spawn(process.env.SPINBOT, ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
  const connection = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  const diagnosed = new Promise((resolve) => connection.onNotification("textDocument/publishDiagnostics", resolve));
  connection.listen();
  const { capabilities } = await connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
  assert.equal(capabilities.textDocumentSync.change, 2);
  await connection.sendNotification("initialized", {});
  const uri = "untitled:Untitled-1";
  await connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "hcl", version: 1, text: 'pipeline "x" {}\nnode "control.storyboard" "plan" {\n  \n}\n' } });
  const list = await connection.sendRequest("textDocument/completion", { textDocument: { uri }, position: { line: 2, character: 2 } });
  assert.ok(list.items.some((i) => i.label === "article"));
  assert.match((await diagnosed).diagnostics[0].message, /missing input "article"/);
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
  assert.equal(await new Promise((resolve) => server.on("exit", resolve)), 0);
});
