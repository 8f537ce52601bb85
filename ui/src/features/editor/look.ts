// How the editor looks: the page's own colours and type, which reach into its shadow root.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colour = (name: string): string => `var(--color-${name})`;

const highlight = HighlightStyle.define([
  { tag: tags.comment, color: colour("faint"), fontStyle: "italic" },
  { tag: tags.keyword, color: colour("accent"), fontWeight: "600" },
  { tag: [tags.controlKeyword, tags.special(tags.variableName)], color: colour("accent") },
  { tag: tags.labelName, color: colour("ink"), fontWeight: "600" },
  { tag: tags.propertyName, color: colour("ink") },
  { tag: tags.string, color: colour("good") },
  { tag: [tags.escape, tags.meta], color: colour("warn") },
  { tag: [tags.number, tags.atom, tags.typeName, tags.function(tags.variableName)], color: colour("busy") },
  { tag: [tags.operator, tags.bracket], color: colour("muted") },
]);

const floating = { backgroundColor: colour("surface"), color: colour("ink"), border: "none", borderRadius: "7px", boxShadow: "var(--shadow-float)" };
const underlined = (name: string) => ({ backgroundImage: "none", textDecoration: `underline wavy ${colour(name)} 1px`, textUnderlineOffset: "3px", textDecorationSkipInk: "none" });

const theme = EditorView.theme({
  "&": { height: "100%", color: colour("ink"), backgroundColor: colour("surface"), fontSize: "13px" },
  "&.cm-focused": { outline: "none" }, // what is around it shows the focus
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "12px 0", caretColor: colour("ink") },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-gutters": { backgroundColor: colour("surface"), color: colour("faint"), border: "none", paddingLeft: "4px" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "28px", padding: "0 8px 0 4px" },
  ".cm-gutter-lint": { width: "14px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "6px 3px" },
  ".cm-lint-marker": { width: "8px", height: "8px" },
  ".cm-lint-marker-error": { content: "''", borderRadius: "4px", backgroundColor: colour("bad") },
  ".cm-lint-marker-warning": { content: "''", clipPath: "polygon(50% 0, 100% 100%, 0 100%)", backgroundColor: colour("warn") },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--color-raised) 65%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: colour("ink") },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--color-accent) 22%, transparent) !important" },
  ".cm-cursor, .cm-dropCursor": { borderLeft: `2px solid ${colour("accent")}` },
  "&.cm-focused .cm-matchingBracket, .cm-matchingBracket": { backgroundColor: colour("tint"), outline: `1px solid ${colour("edge")}`, borderRadius: "2px" },
  "&.cm-focused .cm-nonmatchingBracket, .cm-nonmatchingBracket": { backgroundColor: "transparent", color: colour("bad") },
  ".cm-selectionMatch": { backgroundColor: colour("tint") },
  ".cm-lintRange-error": underlined("bad"),
  ".cm-lintRange-warning": underlined("warn"),
  ".cm-tooltip": { ...floating, fontFamily: "var(--font-sans)", fontSize: "13px", lineHeight: "20px", zIndex: "40" },
  ".cm-tooltip .said": { maxWidth: "min(32rem, 90vw)", maxHeight: "20rem", overflow: "auto", padding: "8px 12px" },
  ".said > *": { margin: "0 0 8px", overflowWrap: "anywhere" },
  ".said > :last-child": { marginBottom: "0" },
  ".said code, .said pre": { fontFamily: "var(--font-mono)", fontSize: "12px" },
  ".said code": { backgroundColor: colour("raised"), borderRadius: "3px", padding: "1px 3px" },
  ".said pre": { whiteSpace: "pre-wrap", backgroundColor: colour("raised"), borderRadius: "5px", padding: "4px 8px" },
  ".said pre code": { padding: "0", background: "none" },
  ".said ul": { paddingLeft: "16px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", fontSize: "12px", maxHeight: "18rem", minWidth: "16rem", padding: "4px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px", borderRadius: "5px", display: "flex", alignItems: "baseline" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: colour("tint"), color: colour("ink") },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700", color: colour("accent") },
  ".cm-completionDetail": { fontStyle: "normal", color: colour("muted"), marginLeft: "auto", paddingLeft: "16px" },
  ".cm-completionIcon": { color: colour("muted"), opacity: "1", width: "16px", paddingRight: "8px" },
  ".cm-tooltip.cm-completionInfo": { ...floating, padding: "0", margin: "0 4px" },
  ".cm-snippetField": { backgroundColor: colour("tint") },
  ".cm-diagnostic": { padding: "6px 12px", border: "none", whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxWidth: "min(32rem, 90vw)" },
  ".cm-diagnostic-error": { borderLeft: `3px solid ${colour("bad")}` },
  ".cm-diagnostic-warning": { borderLeft: `3px solid ${colour("warn")}` },
  ".cm-panels": { backgroundColor: colour("raised"), color: colour("ink"), borderColor: colour("line") },
  ".cm-panels.cm-panels-bottom": { borderTop: `1px solid ${colour("line")}` },
  ".cm-panel.cm-search": { padding: "8px 32px 8px 12px", fontFamily: "var(--font-sans)" },
  ".cm-panel.cm-search label": { fontSize: "12px", display: "inline-flex", alignItems: "center", gap: "4px", marginLeft: "4px" },
  ".cm-panel.cm-search input[type=checkbox]": { accentColor: colour("fill"), margin: "0" },
  ".cm-panel.cm-search .cm-textfield": { width: "9rem" },
  ".cm-panels :focus-visible": { outline: `2px solid ${colour("accent")}`, outlineOffset: "1px" },
  ".cm-textfield": { height: "28px", padding: "0 8px", fontSize: "13px", color: colour("ink"), backgroundColor: colour("surface"), border: `1px solid ${colour("edge")}`, borderRadius: "7px" },
  ".cm-button": { height: "28px", fontSize: "12px", color: colour("ink"), backgroundImage: "none", backgroundColor: colour("surface"), border: `1px solid ${colour("line")}`, borderRadius: "7px" },
  ".cm-panel.cm-search [name=close]": { color: colour("ink"), right: "8px", top: "6px", fontSize: "18px" },
  ".cm-searchMatch": { backgroundColor: colour("warn-tint"), outline: `1px solid ${colour("warn")}` },
  ".cm-searchMatch-selected": { backgroundColor: colour("tint"), outline: `1px solid ${colour("accent")}` },
});

/** look is the editor's look in both themes. */
export const look = [theme, syntaxHighlighting(highlight)];
