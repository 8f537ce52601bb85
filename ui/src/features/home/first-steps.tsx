import { Link } from "@tanstack/react-router";
import { buttonClass } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { t } from "../../strings.js";

/** FirstSteps teach an empty installation's owner how to make something. */
export function FirstSteps() {
  const { title, text, steps } = t.home.first;
  return (
    <section className="card grid gap-6 p-6" aria-label={title}>
      <div className="grid gap-1">
        <h2 className="text-display">{title}</h2>
        <p className="text-lead text-muted">{text}</p>
      </div>
      <ol className="grid gap-4 md:grid-cols-3">
        {steps.map((step, i) => (
          <li key={step.title} className="grid content-start justify-items-start gap-2 rounded-lg border border-line bg-bg p-4">
            <span aria-hidden className="grid size-6 place-items-center rounded-full bg-tint text-small font-semibold text-accent">
              {i + 1}
            </span>
            <h3 className="mt-1 text-lead">{step.title}</h3>
            <p className="text-muted md:min-h-[3.75rem]">{step.text}</p>
            <span className="flex max-w-full flex-wrap items-center gap-2">
              <Link to={step.to} className={buttonClass()}>
                {step.link}
              </Link>
              {step.command !== undefined && <Copy text={step.command} />}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
