// Snippets: what a language server writes them as, made what CodeMirror reads.

/** snippetOf makes a snippet of the Language Server Protocol one of CodeMirror. Of places with choices, the first choice stands. */
export function snippetOf(lsp: string): string {
  let out = "";
  for (let i = 0; i < lsp.length; i++) {
    const rest = lsp.slice(i);
    const place = /^\$(?:(\d+)|\{(\d+)(?::((?:[^\\}]|\\.)*)|\|((?:[^\\|]|\\.)*)\|)?\})/.exec(rest);
    if (place !== null) {
      const [whole, bare, number, text, choices] = place;
      const n = Number(bare ?? number);
      const filled = plain(text ?? choices?.split(",")[0] ?? "").replace(/[{}]/g, "");
      out += filled === "" ? `\${${n}}` : `\${${n}:${filled}}`;
      i += whole.length - 1;
    } else if (rest.startsWith("\\") && rest.length > 1) {
      out += literal(rest.charAt(1));
      i++;
    } else out += literal(rest.charAt(0));
  }
  return out;
}

const plain = (text: string): string => text.replace(/\\(.)/g, "$1");

/** In CodeMirror's a brace behind $ or # begins a place, unless it is escaped. */
const literal = (c: string): string => (c === "{" || c === "}" ? `\\${c}` : c);
