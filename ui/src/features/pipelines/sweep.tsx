import type { Draft } from "../../core/launch.js";
import { mostRuns } from "../../core/sweep.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";

const shown = 20;

/** Runs are those that a sweep makes, before it makes them. */
export function Runs({ axes, all }: { axes: readonly [name: string, values: string[]][]; all: readonly Draft[] }) {
  const tooMany = all.length > mostRuns;
  return (
    <Section title={t.launch.runs} aside={!tooMany && <span className="text-muted">{t.launch.product(axes.map(([, values]) => values.length), all.length)}</span>}>
      {tooMany ? (
        <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.launch.tooMany(mostRuns)}</p>
      ) : (
        <div className="card max-h-72 overflow-auto" tabIndex={0} role="region" aria-label={t.launch.runs}>
          <table className="w-full table-fixed text-left">
            <thead>
              <tr>
                {axes.map(([name]) => (
                  <th key={name} scope="col" className="truncate px-4 py-2 text-small font-medium text-muted">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {all.slice(0, shown).map((d, i) => (
                <tr key={i} className="border-t border-line">
                  {axes.map(([name]) => (
                    <td key={name} className="truncate px-4 py-2" title={d.text[name]}>
                      {d.text[name]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {all.length > shown && <p className="border-t border-line px-4 py-2 text-muted">{t.launch.further(all.length - shown)}</p>}
        </div>
      )}
    </Section>
  );
}
