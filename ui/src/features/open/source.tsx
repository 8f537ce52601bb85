import { t } from "../../strings.js";

/** Source is a pipeline's text, to be looked at. */
export function Source({ text }: { text: string }) {
  return (
    <details className="border-t border-line">
      <summary className="px-4 py-3 font-medium -outline-offset-2 hover:bg-raised md:px-6">{t.open.source}</summary>
      <pre tabIndex={0} aria-label={t.open.source} className="max-h-96 overflow-auto px-4 pb-4 font-mono text-small leading-5 -outline-offset-2 md:px-6">
        {text}
      </pre>
    </details>
  );
}
