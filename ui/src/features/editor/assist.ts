// What the language server adds to the editor: proposals, documentation, mistakes, and where a name comes from.
import { autocompletion, snippet, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { setDiagnostics } from "@codemirror/lint";
import { StateEffect, StateField, type ChangeSet, type Extension, type Text } from "@codemirror/state";
import { EditorView, hoverTooltip, keymap, showTooltip, type Tooltip } from "@codemirror/view";
import type { Change, Edit, Found, Location, Lsp, Position, Proposal, Range } from "../../core/lsp.js";
import { snippetOf } from "../../core/snippet.js";
import { saidAs } from "./said.js";

/** placeOf is where an offset is, as the protocol counts. */
export function placeOf(doc: Text, at: number): Position {
  const line = doc.lineAt(at);
  return { line: line.number - 1, character: at - line.from };
}

/** offsetOf is the other way round. What is behind the text, which may have become shorter, is at its end. */
export function offsetOf(doc: Text, { line, character }: Position): number {
  if (line >= doc.lines) return doc.length;
  const { from, length } = doc.line(line + 1);
  return from + Math.min(character, length);
}

const spanOf = (doc: Text, r: Range): { from: number; to: number } => ({ from: offsetOf(doc, r.start), to: offsetOf(doc, r.end) });

/** changesOf are changes of a text as the server is told of them: from its end, so that no place moves before it is used. */
export function changesOf(before: Text, set: ChangeSet): Change[] {
  const out: Change[] = [];
  set.iterChanges((from, to, _from, _to, inserted) => out.unshift({ range: { start: placeOf(before, from), end: placeOf(before, to) }, text: inserted.toString() }));
  return out;
}

/** edited carries out edits of the server as one change, which undo takes back. */
export function edited(view: EditorView, edits: readonly Edit[], userEvent: string): void {
  view.dispatch({ changes: edits.map((e) => ({ ...spanOf(view.state.doc, e.range), insert: e.newText })), userEvent, scrollIntoView: true });
}

/** marked shows what is wrong with the text. */
export function marked(view: EditorView, list: readonly Found[]): void {
  const doc = view.state.doc;
  view.dispatch(setDiagnostics(view.state, list.map((f) => ({ ...spanOf(doc, f.range), severity: f.severity === 1 ? ("error" as const) : ("warning" as const), message: f.message }))));
}

const kinds: Record<number, string> = { 3: "function", 5: "property", 6: "variable", 7: "class", 9: "namespace", 10: "property", 14: "keyword", 17: "text", 18: "variable", 19: "text", 20: "enum", 22: "class" };

function completionOf(p: Proposal, asked: number, doc: Text): Completion {
  return {
    label: p.filterText ?? p.label,
    displayLabel: p.label,
    type: kinds[p.kind] ?? "text",
    boost: -Number(p.sortText?.charAt(0) ?? 0) * 8,
    ...(p.sortText === undefined ? {} : { sortText: p.sortText }),
    ...(p.detail === undefined ? {} : { detail: p.detail }),
    ...(p.documentation === undefined ? {} : { info: () => saidAs(p.documentation?.value ?? "") }),
    apply(view, completion, from, to) {
      const text = p.textEdit?.newText ?? p.label;
      const span = p.textEdit === undefined ? { from, to } : spanOf(doc, p.textEdit.range);
      const end = p.textEdit === undefined ? to : span.to + (to - asked); // what was typed since it was asked
      if (p.insertTextFormat === 2) snippet(snippetOf(text))(view, completion, span.from, end);
      else view.dispatch({ changes: { from: span.from, to: end, insert: text }, selection: { anchor: span.from + text.length }, userEvent: "input.complete" });
    },
  };
}

const complete =
  (lsp: Lsp) =>
  async (context: CompletionContext): Promise<CompletionResult | null> => {
    const { pos, state, explicit } = context;
    if (!explicit && (context.matchBefore(/[\w."/-]$/) === null || context.tokenBefore(["comment"]) !== null)) return null;
    const list = await lsp.ask<{ isIncomplete: boolean; items: Proposal[] }>("textDocument/completion", { position: placeOf(state.doc, pos) }).catch(() => undefined);
    if (list === undefined || list.items.length === 0) return null;
    const from = Math.min(pos, ...list.items.flatMap((p) => (p.textEdit === undefined ? [] : [offsetOf(state.doc, p.textEdit.range.start)])));
    return { from, options: list.items.map((p) => completionOf(p, pos, state.doc)), ...(list.isIncomplete ? {} : { validFor: /^[\w-]*$/ }) };
  };

async function documented(lsp: Lsp, view: EditorView, pos: number): Promise<Tooltip | null> {
  const doc = view.state.doc;
  const hover = await lsp.ask<{ contents: { value: string }; range?: Range }>("textDocument/hover", { position: placeOf(doc, pos) }).catch(() => undefined);
  if (hover === undefined) return null;
  const span = hover.range === undefined ? { from: pos, to: pos } : spanOf(doc, hover.range);
  return { pos: span.from, end: span.to, above: true, create: () => ({ dom: saidAs(hover.contents.value) }) };
}

const tell = StateEffect.define<Tooltip | null>();

/** told is the documentation that was asked for by a key. */
const told = StateField.define<Tooltip | null>({
  create: () => null,
  update(now, tr) {
    for (const e of tr.effects) if (e.is(tell)) return e.value;
    return tr.docChanged || tr.selection ? null : now;
  },
  provide: (field) => showTooltip.from(field),
});

export interface Assisted {
  /** A name's declaration is in another file. */
  onElsewhere: (uri: string) => void;
  /** A name is to be changed that stands at a place. */
  onRename: (name: string, at: Position) => void;
}

async function toDeclaration(lsp: Lsp, view: EditorView, pos: number, uri: string, on: Assisted): Promise<void> {
  const [there] = (await lsp.ask<Location[]>("textDocument/definition", { position: placeOf(view.state.doc, pos) }).catch(() => undefined)) ?? [];
  if (there === undefined) return;
  if (there.uri === uri) goTo(view, there.range);
  else on.onElsewhere(there.uri);
}

/** goTo shows a range, and selects it. */
export function goTo(view: EditorView, range: Range): void {
  const { from, to } = spanOf(view.state.doc, range);
  view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
  view.focus();
}

/** assist is everything that asks the server. */
export function assist(lsp: Lsp, uri: string, on: Assisted): Extension {
  return [
    autocompletion({ override: [complete(lsp)], maxRenderedOptions: 200 }),
    hoverTooltip((view, pos) => documented(lsp, view, pos), { hoverTime: 350 }),
    told,
    EditorView.domEventHandlers({
      mousedown(e, view) {
        const pos = (e.metaKey || e.ctrlKey) && e.button === 0 ? view.posAtCoords({ x: e.clientX, y: e.clientY }) : null;
        if (pos === null) return false;
        void toDeclaration(lsp, view, pos, uri, on);
        return true;
      },
    }),
    keymap.of([
      { key: "Shift-F1", run: (view) => (void documented(lsp, view, view.state.selection.main.head).then((tip) => view.dispatch({ effects: tell.of(tip) })), true) },
      { key: "Escape", run: (view) => view.state.field(told) !== null && (view.dispatch({ effects: tell.of(null) }), true) },
      { key: "F12", run: (view) => (void toDeclaration(lsp, view, view.state.selection.main.head, uri, on), true) },
      {
        key: "F2",
        run(view) {
          const position = placeOf(view.state.doc, view.state.selection.main.head);
          void lsp.ask<{ placeholder: string }>("textDocument/prepareRename", { position }).then(
            (found) => found && on.onRename(found.placeholder, position),
            () => undefined,
          );
          return true;
        },
      },
    ]),
  ];
}
