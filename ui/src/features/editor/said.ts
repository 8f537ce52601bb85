// What the language server says, as elements: the little of Markdown that it writes.

/** saidAs makes documentation an element. Whatever stands in it stays text. */
export function saidAs(markdown: string): HTMLElement {
  const out = element("div");
  out.className = "said";
  let list: HTMLElement | undefined;
  for (const [, fence, code, block] of markdown.matchAll(/(?:^|\n)(```)\w*\n([\s\S]*?)\n```|([^\n]+(?:\n(?!- |```|\n)[^\n]+)*)/g)) {
    if (fence !== undefined) {
      const pre = element("pre");
      pre.append(element("code", code ?? ""));
      out.append(pre);
      list = undefined;
      continue;
    }
    const item = block?.startsWith("- ") === true;
    const line = element(item ? "li" : "p");
    line.append(...inline(item ? (block ?? "").slice(2) : (block ?? "")));
    if (!item) list = undefined;
    else if (list === undefined) out.append((list = element("ul")));
    (list ?? out).append(line);
  }
  return out;
}

function element(name: string, text = ""): HTMLElement {
  const el = document.createElement(name);
  el.textContent = text;
  return el;
}

const inline = (text: string): (Node | string)[] =>
  [...text.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|[^`*]+|[`*]/g)].map(([whole, code, strong, soft]) => (code !== undefined ? element("code", code) : strong !== undefined ? element("strong", strong) : soft !== undefined ? element("em", soft) : whole));
