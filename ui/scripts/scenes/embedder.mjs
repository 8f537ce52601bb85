// A little Ollama that only makes vectors of texts: those that have words in common lie near each other.
import { createServer } from "node:http";

function vector(text) {
  const v = new Array(64).fill(0);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) v[[...word].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 64, 7)]++;
  return v;
}

/** embedder starts it. It gives its close, and the configuration of a host that uses it. */
export async function embedder() {
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const part of req) body += part;
    const say = (answer) => res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    switch (req.url) {
      case "/api/version":
        return say({ version: "0.6.5" });
      case "/api/tags":
        return say({ models: [{ name: "tiny:latest", model: "tiny:latest" }] });
      case "/api/ps":
        return say({ models: [] });
      case "/api/show":
      case "/api/generate":
        return say({ done: true, capabilities: ["embedding"] });
      case "/api/embed": {
        const texts = [JSON.parse(body).input ?? []].flat(); // none: the model is only loaded
        return say({ embeddings: texts.map(vector), prompt_eval_count: texts.length });
      }
      default:
        return res.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    close: () => (server.closeAllConnections(), server.close()),
    config: `plugin "ollama" {\n  url = "${url}"\n}\nengine "ollama" {\n  plugin = "ollama"\n  url = "${url}"\n  memory = "8GiB"\n}\nsearch {\n  model = "tiny"\n}\n`,
  };
}
