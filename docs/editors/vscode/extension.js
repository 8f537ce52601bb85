// The extension starts "spinbot lsp" and leaves everything else to it.
const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

function start() {
  const settings = workspace.getConfiguration("spinbot");
  const server = {
    command: settings.get("path", "spinbot"),
    args: ["lsp", ...settings.get("arguments", [])],
    transport: TransportKind.stdio,
  };
  client = new LanguageClient("spinbot", "spinbot", server, {
    documentSelector: [
      { scheme: "file", language: "hcl" },
      { scheme: "untitled", language: "hcl" },
    ],
  });
  return client.start().catch((error) => {
    window.showErrorMessage(`spinbot: ${server.command} lsp does not start (${error.message}); set spinbot.path to where spinbot is`);
  });
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop().catch(() => {}); // one that never started cannot be stopped
}

async function restart() {
  await stop();
  await start();
}

/** @param {import("vscode").ExtensionContext} context */
function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("spinbot.restart", restart),
    workspace.onDidChangeConfiguration((e) => e.affectsConfiguration("spinbot") && restart()),
  );
  return start();
}

module.exports = { activate, deactivate: stop };
