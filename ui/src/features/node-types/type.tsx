import { ArrowLeft } from "lucide-react";
import type { Schemas } from "../../api/client.js";
import { size } from "../../core/format.js";
import { fieldsOf, type Field, type Schema } from "../../core/schema.js";
import { Button } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Section } from "../../kit/page.js";
import { Badge } from "../../kit/state.js";
import { t } from "../../strings.js";

interface TypeProps {
  type: Schemas["NodeType"];
  grants: Schemas["Grant"][];
  plugin: Schemas["Plugin"] | undefined;
  onBack: () => void;
}

/** Type is one node type: what it takes and gives, what it wants of a device, and how it is written. */
export function Type({ type, grants, plugin, onBack }: TypeProps) {
  const device = type.device;
  return (
    <article className="grid min-w-0 grid-cols-1 gap-6" aria-label={type.name}>
      <header className="grid grid-cols-1 gap-2">
        <Button look="quiet" className="-ml-3 justify-self-start md:hidden" onClick={onBack}>
          <ArrowLeft size={16} aria-hidden /> {t.nodeTypes.all}
        </Button>
        <h2 className="text-title break-words">{type.name}</h2>
        <p className="max-w-[44rem] text-lead break-words text-muted">{type.description}</p>
        <div className="flex flex-wrap gap-2">
          {plugin !== undefined && <Badge>{t.nodeTypes.from(plugin.name, plugin.version ?? "")}</Badge>}
          <Badge>{type.idempotent ? t.nodeTypes.idempotent : t.nodeTypes.once}</Badge>
          {device !== undefined && <Badge>{device.memory ? t.nodeTypes.device(size(device.memory)) : t.nodeTypes.anyDevice}</Badge>}
          {grants
            .filter((g) => g.granted)
            .map((g) => (
              <Badge key={g.name}>{t.nodeTypes.granted(g.name, g.hosts ?? [])}</Badge>
            ))}
        </div>
      </header>
      {grants.some((g) => g.asked && !g.granted) && (
        <div className="grid grid-cols-1 justify-items-start gap-2 rounded-lg bg-warn-tint px-4 py-3 text-warn">
          {grants
            .filter((g) => g.asked && !g.granted)
            .map((g) => (
              <div key={g.name} className="grid w-full grid-cols-1 justify-items-start gap-1">
                <p>{t.nodeTypes.lacks(g.name)}</p>
                {g.command !== undefined && <Copy text={g.command} />}
              </div>
            ))}
        </div>
      )}
      <Fields title={t.nodeTypes.inputs} fields={fieldsOf(type.inputs as Schema)} marked none={t.nodeTypes.noInputs} />
      <Fields title={t.nodeTypes.outputs} fields={fieldsOf(type.outputs as Schema)} none={t.nodeTypes.noOutputs} />
      {(type.cases ?? []).length > 0 && (
        <Section title={t.nodeTypes.cases}>
          <ul className="card divide-y divide-line">
            {type.cases?.map((c) => {
              const when = c.when.map((w) => `${w.input} = ${w.value}`).join(", ");
              return (
                <li key={when} className="grid gap-1 px-4 py-3">
                  <span className="font-mono font-medium break-words">{when}</span>
                  <span className="text-muted">
                    {[
                      c.device?.memory ? t.nodeTypes.device(size(c.device.memory)) : t.nodeTypes.anywhere,
                      c.pace ? t.nodeTypes.pace(String(c.pace.seconds), c.pace.per) : "",
                      c.note ?? "",
                    ]
                      .filter(Boolean)
                      .join(" · ")}
                  </span>
                </li>
              );
            })}
          </ul>
        </Section>
      )}
      {(type.examples ?? []).length > 0 && (
        <Section title={t.nodeTypes.examples}>
          {type.examples?.map((x) => (
            <figure key={x.title} className="card min-w-0 overflow-hidden">
              <figcaption className="px-4 pt-3 font-medium">{x.title}</figcaption>
              <pre tabIndex={0} aria-label={x.title} className="overflow-auto px-4 py-3 font-mono text-small">
                {x.hcl.trimEnd()}
              </pre>
            </figure>
          ))}
        </Section>
      )}
    </article>
  );
}

/** Fields lists inputs or outputs; marked: what has to be given is. */
function Fields({ title, fields, marked = false, none }: { title: string; fields: Field[]; marked?: boolean; none: string }) {
  return (
    <Section title={title}>
      {fields.length === 0 ? (
        <p className="card px-4 py-3 text-muted">{none}</p>
      ) : (
        <ul className="card divide-y divide-line">
          {fields.map((f) => (
            <li key={f.name} className="px-4 py-3">
              <One field={f} marked={marked} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function One({ field: f, marked }: { field: Field; marked: boolean }) {
  return (
    <div className="grid gap-1">
      <p className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span className="font-mono font-medium break-all">{f.name}</span>
        <span className="font-mono text-small text-muted">{f.type}</span>
        {marked && f.required && <span className="text-small font-medium text-accent">{t.nodeTypes.required}</span>}
        {f.limits.map((x) => (
          <span key={x} className="min-w-0 text-small break-words text-muted">
            {x}
          </span>
        ))}
      </p>
      {f.description !== "" && <p className="max-w-[44rem] break-words text-muted">{f.description}</p>}
      {f.fields.length > 0 && (
        <ul className="mt-1 grid gap-2 border-l border-line pl-4">
          {f.fields.map((inner) => (
            <li key={inner.name}>
              <One field={inner} marked={marked} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
